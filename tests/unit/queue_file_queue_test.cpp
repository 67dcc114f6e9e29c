#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "child.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "ipc/wall_timer.hpp"
#include "queue/file_queue.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::FileQueue;
using queue::Shape;
using queue::Stop;
using std::chrono::hours;

const Deadline kNow = Deadline::past();

}  // namespace

TEST("a queue that is missing is made when a shape is given, and only then") {
  const Scratch scratch;
  check(FileQueue::open(scratch / "q", nullptr, true) == nullptr);
  const Shape shape;
  check(FileQueue::open(scratch / "q", &shape, true) != nullptr);
  check(FileQueue::open(scratch / "q", nullptr, true) != nullptr);
}

TEST("a shape that a queue does not have is refused") {
  const QueuePlace place(bounded(5));
  Shape other = bounded(6);
  check_throws<ipc::BadValue>([&] { (void)FileQueue::open(place.path(), &other, true); });
  other = lifo();
  check_throws<ipc::BadValue>([&] { (void)FileQueue::open(place.path(), &other, true); });
  other = bounded(5);
  check(FileQueue::open(place.path(), &other, true) != nullptr);
}

TEST("messages come in their order, with ids that go on") {
  const QueuePlace place;
  const auto queue = place.open();
  check_equal(put(*queue, {"a", "b"}), 1U);
  check_equal(put(*queue, {"c"}), 3U);
  const auto& batch = queue->take(10, kNow, {});
  require(batch.messages.size() == 3);
  check(texts_of(batch) == Texts({"a", "b", "c"}));
  for (std::size_t i = 0; i < 3; ++i) {
    check_equal(batch.messages[i].id, i + 1);
    check_equal(batch.messages[i].attempt, 1U);
  }
  queue->settle(3);
  check_equal(queue->take(1, kNow, {}).stop, Stop::empty);
  check_sound(*queue);
}

TEST("any bytes are a message, also none") {
  const QueuePlace place;
  const auto queue = place.open();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const Texts texts{"",   all, std::string(1, '\0'), "", std::string(300000, 'x'), std::string(2000000, '\n'),
                    "end"};
  put(*queue, texts);
  check(take(*queue) == texts);
  check_sound(*queue);
}

TEST("the higher priority goes first") {
  const QueuePlace place;
  const auto queue = place.open();
  for (const int priority : {0, 5, 9, 5, 0}) put(*queue, {std::to_string(priority)}, with_priority(priority));
  check(seen(*queue) == Texts({"9", "5", "5", "0", "0"}));
  check(take(*queue, 2) == Texts({"9", "5"}));
  put(*queue, {"new"}, with_priority(9));
  check(take(*queue) == Texts({"new", "5", "0", "0"}));
}

TEST("peek shows what is there, in the order of taking, and takes nothing") {
  for (const bool newest_first : {false, true}) {
    const QueuePlace place(newest_first ? lifo() : Shape{});
    const auto queue = place.open();
    put(*queue, numbered(5));
    put(*queue, {"high"}, with_priority(7));
    put(*queue, {"late"}, with_delay(hours(1)));
    const auto all = seen(*queue);
    check_equal(all.size(), 6U);
    for (std::size_t most = 0; most <= 6; ++most) {
      check(seen(*queue, most) == Texts(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(most)));
    }
    int calls = 0;
    queue->peek(100, [&](const queue::Message&) { return ++calls < 2; });
    check_equal(calls, 2);
    check(take(*queue) == all);
  }
}

TEST("stat says how much is where, and who has it") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(6));
  put(*queue, {"late"}, with_delay(hours(1)));
  const auto leased = queue->lease_one();
  (void)queue->lease_for(hours(1), kNow, {});
  check(queue->done(queue->lease_one().lease));
  auto stat = queue->stat();
  check_equal(stat.queued, 3U);
  check_equal(stat.delayed, 1U);
  check_equal(stat.leased, 2U);
  check_equal(stat.puts, 7U);
  check_equal(stat.gets, 1U);
  check_equal(stat.bytes, 3 * 2 + 4U);
  check(stat.oldest.has_value());
  require(stat.holders.size() == 2);
  check_equal(stat.holders[0].pid, ::getpid());
  check_equal(stat.holders[0].id, 1U);
  check_equal(stat.holders[1].pid, 0);
  check_equal(stat.holders[1].id, 2U);
  check(stat.holders[1].until > ipc::wall_time());
  check(queue->done(leased.lease));
}

TEST("a queue is not removed while something is leased, unless it must be") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a"});
  const auto leased = queue->lease_one();
  check_equal(FileQueue::remove(place.path(), false), FileQueue::Removal::in_use);
  check_equal(FileQueue::remove(place.path(), true), FileQueue::Removal::removed);
  check(!std::filesystem::exists(place.path()));
  check(!queue->done(leased.lease));
  check_equal(queue->take(1, kNow, {}).stop, Stop::removed);
  check_equal(try_put(*queue, {"b"}).stop, Stop::removed);
  check_equal(FileQueue::remove(place.path(), true), FileQueue::Removal::missing);
}

TEST("what a dead one had leased does not keep a queue from being removed") {
  const QueuePlace place;
  put(*place.open(), {"a"});
  check_equal(
      in_child([&] { return place.open().release()->lease_one().stop == Stop::none ? 0 : 1; }).status(), 0);
  check_equal(FileQueue::remove(place.path(), false), FileQueue::Removal::removed);
}

TEST("many that put, take and settle at the same time lose nothing and take nothing twice") {
  const QueuePlace place(bounded(50));
  constexpr int kPutters = 3;
  constexpr int kEach = 400;
  std::vector<Child> all;
  for (int i = 0; i < kPutters; ++i) {
    all.emplace_back([&, i] {
      const auto queue = place.open();
      const Texts texts = numbered(kEach, std::to_string(i) + "-");
      for (std::size_t at = 0; at < texts.size(); at += 4) {
        if (try_put(*queue, {texts[at], texts[at + 1], texts[at + 2], texts[at + 3]}, soon()).count != 4)
          return 1;
      }
      return 0;
    });
  }
  ipc::Pipe pipe = ipc::Pipe::create();
  std::vector<Child> getters;
  for (int i = 0; i < 3; ++i) {
    getters.emplace_back([&, i] {
      const auto queue = place.open();
      for (;;) {
        const auto& batch = queue->take(5, soon(), {});
        if (batch.stop != Stop::none) return batch.stop == Stop::closed ? 0 : 1;
        // Not always all of them.
        const std::size_t count = batch.messages.size() - (batch.messages[0].id % 3 == 0 && i == 1 ? 1 : 0);
        std::string lines;
        for (std::size_t at = 0; at < count; ++at) lines += std::string(batch.messages[at].bytes) + "\n";
        if (::write(pipe.write_end.get(), lines.data(), lines.size()) < 0) return 2;
        queue->settle(count);
      }
    });
  }
  pipe.write_end.reset();
  std::string text;
  // Read on while they run, or the pipe fills up.
  bool is_closed = false;
  char block[4096];
  for (;;) {
    pollfd ready{pipe.read_end.get(), POLLIN, 0};
    ::poll(&ready, 1, 5);
    if ((ready.revents & (POLLIN | POLLHUP)) != 0) {
      const ssize_t n = ::read(pipe.read_end.get(), block, sizeof block);
      if (n <= 0) break;
      text.append(block, static_cast<std::size_t>(n));
    }
    const auto stat = is_closed ? FileQueue::Stat{} : place.open()->stat();
    if (!is_closed && stat.puts == kPutters * kEach) {
      place.open()->close(false);
      is_closed = true;
    }
  }
  for (Child& child : all) check_equal(child.wait().status(), 0);
  for (Child& child : getters) check_equal(child.wait().status(), 0);
  Texts got;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    got.push_back(text.substr(at, text.find('\n', at) - at));
  }
  Texts expected;
  for (int i = 0; i < kPutters; ++i) {
    const Texts texts = numbered(kEach, std::to_string(i) + "-");
    expected.insert(expected.end(), texts.begin(), texts.end());
  }
  std::ranges::sort(got);
  std::ranges::sort(expected);
  check_equal(got.size(), expected.size());
  check(got == expected);
  check_sound(*place.open());
}
