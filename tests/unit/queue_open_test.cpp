#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "child.hpp"
#include "ipc/error.hpp"
#include "ipc/name.hpp"
#include "kernel_place.hpp"
#include "latch.hpp"
#include "queue/open.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

using ipc::BadValue;
using queue::Opened;
using queue::Shape;

/// Directories of the test's own for NAMEs; the kernel queues in them go at the end.
class Homes {
 public:
  Homes() = default;
  Homes(const Homes&) = delete;
  Homes& operator=(const Homes&) = delete;
  ~Homes() {
    for (const auto& directory : {runtime_, state_, scratch_.path()}) {
      std::error_code none;
      for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
        try {
          if (entry.is_regular_file()) (void)queue::KernelQueue::remove(entry.path());
        } catch (const std::exception&) {
          // It is none.
        }
      }
    }
  }

  [[nodiscard]] std::string path(const std::string& name) const { return scratch_ / name; }
  [[nodiscard]] std::string file(const std::string& name) const { return state_ + '/' + name + ".queue"; }
  [[nodiscard]] std::string kernel(const std::string& name) const { return runtime_ + '/' + name + ".mq"; }
  [[nodiscard]] bool is_empty() const {
    return !std::filesystem::exists(runtime_) && !std::filesystem::exists(state_);
  }

 private:
  Scratch scratch_;
  std::string runtime_ = scratch_ / "runtime";
  std::string state_ = scratch_ / "state";
  Variable runtime_one_{"IPCUTILS_DIR", runtime_};
  Variable state_one_{"IPCUTILS_STATE_DIR", state_};
};

Opened open(const std::string& name, const std::optional<Shape>& shape) {
  return queue::open_queue(name, shape ? &*shape : nullptr, false);
}

Opened create(const std::string& name, const Shape& shape) { return queue::create_queue(name, shape, false); }

std::string refusal(const std::string& name, const std::optional<Shape>& shape,
                    tap::Here at = tap::Here::current()) {
  return check_throws<BadValue>([&] { (void)open(name, shape); }, name, at);
}

bool exists(const std::string& path) {
  return std::filesystem::exists(std::filesystem::symlink_status(path));
}

const Shape kDurable;

}  // namespace

TEST("a queue that nobody has made is not there, and looking for it makes nothing") {
  const Homes homes;
  for (const auto& name : {std::string("q"), homes.path("q")}) check(!open(name, std::nullopt));
  check(queue::list_queues().empty());
  check_equal(check_throws<BadValue>([] { (void)queue::remove_queue("q", false); }), "q: no such queue");
  check(homes.is_empty());
}

TEST("a bad name is refused by all, and makes nothing") {
  const Homes homes;
  for (const char* name : {"", "a b", ".q", "host:q"}) {
    (void)refusal(name, kDurable);
    check_throws<BadValue>([&] { (void)create(name, kernel_shape()); });
    check_throws<BadValue>([&] { (void)queue::remove_queue(name, true); });
  }
  check(homes.is_empty());
}

TEST("a durable one is a directory in the one place, a kernel one a file in the other") {
  const Homes homes;
  check(open("d", kDurable).file != nullptr);
  check(std::filesystem::is_directory(homes.file("d")));
  check(open("k", kernel_shape()).kernel != nullptr);
  check(std::filesystem::is_regular_file(homes.kernel("k")));
  check(open("d", std::nullopt).file != nullptr);
  check(open("k", std::nullopt).kernel != nullptr);
  check(open("k", kDurable).kernel != nullptr, "who puts need not know which it is");
}

TEST("a path is the directory or the file itself") {
  const Homes homes;
  const std::string durable = homes.path("d");
  const std::string kernel = homes.path("k");
  check(open(durable, kDurable).file != nullptr);
  check(std::filesystem::is_directory(durable));
  check(open(kernel, kernel_shape()).kernel != nullptr);
  check(std::filesystem::is_regular_file(kernel));
  check(open(durable, std::nullopt).file != nullptr);
  check(open(kernel, std::nullopt).kernel != nullptr);
  check(open(kernel, kDurable).kernel != nullptr);
  check(homes.is_empty(), "NAMEs have nothing to do with it");
  check(queue::remove_queue(kernel, false));
  check(queue::remove_queue(durable, false));
  check(!exists(kernel) && !exists(durable));
}

TEST("no kind is made where the other stands") {
  const Homes homes;
  (void)open("d", kDurable);
  (void)open("k", kernel_shape());
  (void)open(homes.path("d"), kDurable);
  (void)open(homes.path("k"), kernel_shape());
  for (const auto& name : {std::string("d"), homes.path("d")}) {
    check(refusal(name, kernel_shape()).starts_with(name + ": is a durable queue"));
    check_throws<BadValue>([&] { (void)create(name, kernel_shape()); });
    check(create(name, kDurable).file != nullptr);
  }
  for (const auto& name : {std::string("k"), homes.path("k")}) {
    check(check_throws<BadValue>([&] { (void)create(name, kDurable); }).starts_with(name + ": is a kernel"));
    check(create(name, kernel_shape()).kernel != nullptr);
  }
  check(!exists(homes.kernel("d")) && !exists(homes.file("k")));
}

TEST("a NAME that is both is refused by all, and its path still goes") {
  const Homes homes;
  (void)open("q", kDurable);
  (void)ipc::runtime_directory();
  (void)open(homes.kernel("q"), kernel_shape());
  for (const auto& shape : {std::optional<Shape>(), std::optional(kDurable), std::optional(kernel_shape())}) {
    const std::string text = refusal("q", shape);
    check(text.starts_with("q: is both"), text);
    check(text.find(homes.file("q")) != std::string::npos &&
          text.find(homes.kernel("q")) != std::string::npos);
  }
  check_throws<BadValue>([] { (void)queue::remove_queue("q", true); });
  check(queue::remove_queue(homes.kernel("q"), false));
  check(open("q", std::nullopt).file != nullptr);
}

TEST("of many that make both kinds of a NAME at the same time, none uses one while others use the other") {
  for (int round = 0; round < 10; ++round) {
    const Homes homes;
    Latch start;
    std::vector<Child> racers;
    for (int i = 0; i < 8; ++i) {
      racers.emplace_back([&, i] {
        if (!start.wait()) return 9;
        try {
          const auto opened = open("q", i % 2 == 0 ? kDurable : kernel_shape());
          return opened.kernel ? 1 : 0;
        } catch (const BadValue&) {
          return 2;
        }
      });
    }
    for (int i = 0; i < 8; ++i) start.open();
    int of_kind[3] = {0, 0, 0};
    for (auto& racer : racers) {
      const int kind = racer.wait().status();
      require(kind >= 0 && kind <= 2);
      ++of_kind[kind];
    }
    const bool both = exists(homes.file("q")) && exists(homes.kernel("q"));
    check(both || of_kind[0] == 0 || of_kind[1] == 0);
    if (both) (void)refusal("q", std::nullopt);
  }
}

TEST("a directory that must not be used has no queues, and is no obstacle to the other kind") {
  const Homes homes;
  (void)open("k", kernel_shape());
  ::chmod(std::filesystem::path(homes.kernel("k")).parent_path().c_str(), 0777);
  check(open("k", kDurable).file != nullptr);
  check(refusal("other", kernel_shape()).find("others may write to it") != std::string::npos);
  ::chmod(std::filesystem::path(homes.kernel("k")).parent_path().c_str(), 0700);
}

TEST("what is thrown about a kernel queue names it") {
  const Homes homes;
  (void)open("k", kernel_shape());
  check_equal(refusal("k", kernel_shape(true)), "k: is not packed");
  const std::string_view message = "x";
  queue::PutOptions later;
  later.delay = std::chrono::seconds(1);
  const auto opened = open("k", std::nullopt);
  const auto put_later = [&] { (void)opened.queue().put({&message, 1}, later, ipc::Deadline::now(), {}); };
  check(check_throws<BadValue>(put_later).starts_with("k: "), "also later");
  Shape lifo;
  lifo.lifo = true;
  check(refusal("k", lifo).starts_with("k: a kernel queue cannot"));
  const std::string path = homes.path("text");
  std::filesystem::copy_file("/proc/self/comm", path);
  check_equal(refusal(path, std::nullopt), path + ": not a kernel queue");
  check_equal(check_throws<BadValue>([&] { (void)queue::remove_queue(path, true); }),
              path + ": not a kernel queue");
  check(exists(path));
}

TEST("all are listed by name, with their sizes and what is wrong with them") {
  const Homes homes;
  (void)put(open("zebra", kDurable).queue(), {"a", "b"});
  (void)put(open("ant", kernel_shape()).queue(), {"123"});
  (void)open("mole", kDurable);
  (void)open("both", kDurable);
  (void)open(homes.kernel("both"), kernel_shape());
  std::filesystem::copy_file("/proc/self/comm", homes.kernel("bad"));
  std::filesystem::create_directory(homes.file(".hidden"));
  std::filesystem::create_directory(homes.file(std::string(80, 'x')));
  std::filesystem::create_directory(homes.path("state/other.lock"));
  const auto list = queue::list_queues();
  require(list.size() == 6);
  const char* names[] = {"ant", "bad", "both", "both", "mole", "zebra"};
  const bool kernels[] = {true, true, false, true, false, false};
  for (std::size_t i = 0; i < list.size(); ++i) {
    check_equal(list[i].name, names[i]);
    check_equal(list[i].kernel, kernels[i]);
    check_equal(list[i].problem.empty(), i != 1 && i != 2 && i != 3, list[i].problem);
  }
  check_equal(list[0].size.messages, 1U);
  check_equal(list[0].size.bytes, 3U);
  check_equal(list[4].size.messages, 0U);
  check_equal(list[5].size.messages, 2U);
  check_equal(list[1].problem, "bad: not a kernel queue");
}

TEST("what is removed is gone, with all that was in it") {
  const Homes homes;
  (void)put(open("d", kDurable).queue(), {"x"});
  (void)put(open("k", kernel_shape()).queue(), {"x"});
  check(queue::remove_queue("d", false));
  check(queue::remove_queue("k", false));
  check(!exists(homes.file("d")) && !exists(homes.kernel("k")));
  check(!open("d", std::nullopt) && !open("k", std::nullopt));
  check_throws<BadValue>([] { (void)queue::remove_queue("k", true); });
}
