/// Which segment files a process keeps open: those that are removed take up the disk until the last one is closed.

#include <filesystem>
#include <string>

#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;

const Deadline kNow = Deadline::past();

/// How many files this process has open that are not there any more.
int deleted_files() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink(entry.path(), gone);
    if (!gone && target.string().ends_with(" (deleted)")) ++count;
  }
  return count;
}

/// More than fits into a common segment.
std::string large(char letter) { return std::string(std::size_t{17} << 20, letter); }

}  // namespace

TEST("who has put a large message does not keep its file") {
  const QueuePlace place;
  const auto putter = place.open();
  const auto getter = place.open();
  const int before = deleted_files();
  for (const char letter : {'a', 'b', 'c'}) {
    put(*putter, {large(letter)});
    check(take(*getter) == Texts({large(letter)}));
  }
  check_equal(deleted_files(), before);
}

TEST("who finds nothing keeps no file that others have removed") {
  const QueuePlace place;
  const auto one = place.open();
  const auto other = place.open();
  const int before = deleted_files();
  for (const char letter : {'a', 'b', 'c'}) {
    put(*one, {large(letter)});
    check(one->take(1, kNow, {}).messages.size() == 1);
    one->settle(0);
    check(take(*other) == Texts({large(letter)}));
  }
  check(deleted_files() > before, "it has read them");
  check(one->take(1, kNow, {}).messages.empty());
  check_equal(deleted_files(), before);
}

TEST("who begins a new segment keeps no older one that is gone") {
  const QueuePlace place;
  const auto putter = place.open();
  const int before = deleted_files();
  // Several to a segment.
  for (int i = 0; i < 12; ++i) put(*putter, {std::string(std::size_t{5} << 20, 'x')});
  check_equal(take(*place.open()).size(), 12U);
  put(*putter, {std::string(std::size_t{15} << 20, 'x')});
  check_equal(deleted_files(), before);
}
