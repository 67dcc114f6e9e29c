#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "queue/format.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "stepped.hpp"
#include "tap.hpp"

namespace {

using queue::FileQueue;
using queue::Header;

/// Looks at the queue after every store that `operation` makes to its header or its journal: what a kill there leaves.
class KillTest {
 public:
  explicit KillTest(const queue::Shape& shape = {}) : place_(shape) {}

  [[nodiscard]] const QueuePlace& place() const noexcept { return place_; }

  /// `operation` gets a queue that it opened before. Each state is a copy, in which `look` finds what a kill left.
  void run(const std::function<void(FileQueue&)>& operation, const std::function<void(FileQueue&)>& look) {
    const auto queue = place_.open();
    (void)queue->size();
    const auto store = queue::Store::open(place_.path());
    std::string before = control(*store);
    step_through([&] { operation(*queue); },
                 [&] {
                   if (!has_changed(*store, before)) return;
                   before = control(*store);
                   ++states_;
                   look_at_copy(look);
                 });
    check(states_ > 5, "it was looked at");
  }

 private:
  static std::string control(const queue::Store& store) {
    return {reinterpret_cast<const char*>(&store.header()), queue::kControlSize};
  }
  static bool has_changed(const queue::Store& store, const std::string& before) {
    // Every change goes along with one of the count of notes, or of what else the header says.
    return std::memcmp(&store.header(), before.data(), sizeof(Header)) != 0;
  }
  /// The copy says of itself that it is the one that its tables are true for, as after a kill.
  void look_at_copy(const std::function<void(FileQueue&)>& look) const {
    const std::string name = "state";
    const std::string path = place_.copy(name);
    {
      const ipc::Fd file = ipc::open_file(path + "/control", O_RDWR);
      struct stat status {};
      require(::fstat(file.get(), &status) == 0);
      const std::uint64_t inode = status.st_ino;
      require(::pwrite(file.get(), &inode, sizeof inode, offsetof(Header, inode)) == sizeof inode);
    }
    require(queue::Store::open(path)->is_trusted());
    {
      const auto queue = FileQueue::open(path, nullptr, true);
      look(*queue);
      check_sound(*queue);
    }
    std::filesystem::remove_all(path);
  }

  QueuePlace place_;
  std::size_t states_ = 0;
};

/// All of it there or nothing.
void check_either(FileQueue& queue, const Texts& before, const Texts& after) {
  check_sound(queue);
  const Texts now = seen(queue);
  if (now != before && now != after)
    check(false, "neither as before nor as after: " + std::to_string(now.size()));
  put(queue, {"next"});
  const Texts all = take(queue);
  check_equal(all.size(), now.size() + 1, "and it works on");
}

}  // namespace

TEST("a put that is killed has put all of its messages, or none") {
  KillTest test;
  put(*test.place().open(), {"there"});
  test.run(
      [](FileQueue& queue) {
        put(queue, {"a", "b"});
      },
      [](FileQueue& queue) {
        check_either(queue, {"there"}, {"there", "a", "b"});
      });
}

TEST("the same with one that begins a segment") {
  KillTest test;
  test.run([](FileQueue& queue) { put(queue, {"a"}, with_priority(3)); },
           [](FileQueue& queue) { check_either(queue, {}, {"a"}); });
}

TEST("a get that is killed as it takes, settles or gives back loses nothing") {
  KillTest test;
  put(*test.place().open(), {"a", "b", "c"});
  test.run(
      [](FileQueue& queue) {
        (void)queue.take(2, ipc::Deadline::past(), {});
        queue.settle(1);
      },
      [](FileQueue& queue) {
        // The copy has its locks no more: what was held comes back.
        check_either(queue, {"a", "b", "c"}, {"b", "c"});
      });
}

TEST("one that is killed as it gives back for later, or is done, loses nothing") {
  KillTest test;
  put(*test.place().open(), {"a", "b", "c"});
  test.run(
      [](FileQueue& queue) {
        const auto first = queue.lease_one();
        const auto second = queue.lease_one();
        queue.give_back(first.lease, std::chrono::hours(1), true);
        queue.done(second.lease);
      },
      [](FileQueue& queue) {
        const auto size = queue.size();
        check(size.messages == 3 || size.messages == 2);
        const auto stat = queue.stat();
        check_equal(stat.leased, 0U);
        const Texts rest = take(queue);
        check_equal(rest.size() + stat.delayed, size.messages);
        check(!rest.empty() && rest.back() == "c");
      });
}

TEST("one that is killed as it purges has dropped some whole runs, and the rest is there") {
  KillTest test;
  {
    const auto queue = test.place().open();
    for (int i = 0; i < 3; ++i) put(*queue, {"a", "b"}, with_priority(i));
    put(*queue, {"late"}, with_delay(std::chrono::hours(1)));
  }
  test.run([](FileQueue& queue) { (void)queue.purge(); },
           [](FileQueue& queue) {
             const auto size = queue.size().messages;
             check(size % 2 == 1 || size == 0);
             check_equal(queue.purge(), size);
             check_equal(queue.size().bytes, 0U);
           });
}
