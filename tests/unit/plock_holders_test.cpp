#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "child.hpp"
#include "holders.hpp"
#include "ipc/fd.hpp"
#include "ipc/pipe.hpp"
#include "ipc/processes.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::FileLock;
using ipc::LockHolder;
using Mode = ipc::FileLock::Mode;

constexpr pid_t kGone = 0x7FFFFFF0;

struct LockFile {
  Scratch scratch;
  std::string path = scratch.file("lock");
  ipc::Fd file = ipc::open_file(path, O_RDWR);
  ipc::FileId id = ipc::file_id(file.get()).value();
};

LockHolder holder(pid_t pid, pid_t taken_by, Mode mode = Mode::exclusive) {
  return {pid, 20, {1, 2}, mode, taken_by, "00:01:2"};
}

/// Runs `body`, says that it has done so, and stays until it is killed.
template <class Body>
Child staying(Body&& body) {
  Latch done;
  Child child([&] {
    body();
    done.open();
    for (;;) ::pause();
    return 0;
  });
  require(done.wait());
  return child;
}

}  // namespace

TEST("of those that have a lock, the one that took it stands for it") {
  const pid_t self = ::getpid();
  const Child child = staying([] {});
  const auto chosen = representatives({holder(child.pid(), self), holder(self, self)});
  require(chosen.size() == 1);
  check_equal(chosen[0].pid, self);
}

TEST("a record is among the holders when one of them has the lock that the same process took") {
  const LockHolder record{5, -1, {1, 2}, Mode::exclusive, 5, "00:01:2"};
  check(!is_among(record, {}));
  check(is_among(record, {holder(7, 6), holder(8, 5)}));
  check(!is_among(record, {holder(5, 6)}));
}

TEST("when that one is gone, the oldest does") {
  const Child older = staying([] {});
  const auto first = ipc::facts_of(older.pid());
  std::optional<Child> younger;
  // Start times are told in hundredths of a second.
  do {
    younger.reset();
    younger.emplace(staying([] {}));
  } while (ipc::facts_of(younger->pid())->start == first->start);
  for (const bool swapped : {false, true}) {
    const pid_t one = swapped ? younger->pid() : older.pid();
    const pid_t two = swapped ? older.pid() : younger->pid();
    const auto chosen = representatives({holder(one, kGone), holder(two, kGone)});
    require(chosen.size() == 1);
    check_equal(chosen[0].pid, older.pid());
  }
}

TEST("each lock has one of its own") {
  const pid_t self = ::getpid();
  check(representatives({}).empty());
  const auto chosen =
      representatives({holder(self, self, Mode::shared), holder(::getppid(), ::getppid(), Mode::shared),
                       holder(self, kGone, Mode::shared), holder(::getppid(), kGone, Mode::shared)});
  check_equal(chosen.size(), 3U);
}

TEST("a message names one and counts the others") {
  const pid_t self = ::getpid();
  const std::string own = "pid " + std::to_string(self) + " (" + ipc::short_name_of(self) + ")";
  check_equal(describe({}), "");
  check_equal(describe({holder(self, self)}), own);
  check_equal(describe({holder(self, self), holder(1, 1)}), own + " and 1 more");
  check_equal(describe({holder(self, self), holder(1, 1), holder(2, 2)}), own + " and 2 more");
  check_equal(describe({holder(kGone, kGone)}), "pid " + std::to_string(kGone), "its name is unknown");
}

TEST("holders of a file: none, one, several that share it, and one whose taker is gone") {
  const LockFile file;
  check(holders_of(file.id).empty());
  {
    // The locks of others are on descriptions of their own alone.
    const auto share = [&] {
      ::close(file.file.get());
      ::flock(ipc::open_file(file.path, O_RDWR).release(), LOCK_SH);
    };
    const Child one = staying(share);
    const auto holders = holders_of(file.id);
    require(holders.size() == 1);
    check_equal(holders[0].pid, one.pid());
    check_equal(holders[0].mode, Mode::shared);
    const Child two = staying(share);
    check_equal(holders_of(file.id).size(), 2U);
    // By a helper that is gone: the descriptor is ours.
    (void)in_child([&] { return ::flock(file.file.get(), LOCK_SH | LOCK_NB); });
    const auto all = holders_of(file.id);
    check_equal(all.size(), 3U);
    int ours = 0;
    for (const auto& each : all) ours += each.pid == ::getpid() ? 1 : 0;
    check_equal(ours, 1);
  }
  FileLock::unlock(file.file.get());
  check(holders_of(file.id).empty());
}

TEST("an ancestor's lock is in the way of its descendants' where the two exclude each other") {
  const LockFile file;
  const auto ancestor = [&](Mode mode) {
    ipc::Pipe told = ipc::Pipe::create();
    (void)in_child([&] {
      return in_child([&] {
               const auto found = ancestor_holding(file.id, mode);
               const pid_t pid = found.value_or(0);
               return ::write(told.write_end.get(), &pid, sizeof pid) == sizeof pid ? 0 : 1;
             })
          .status();
    });
    pid_t pid = -1;
    require(::read(told.read_end.get(), &pid, sizeof pid) == sizeof pid);
    return pid;
  };
  check_equal(ancestor(Mode::exclusive), 0, "nobody has it");
  const auto ancestors_with = [&](int operation) {
    const ipc::Fd own = ipc::open_file(file.path, O_RDWR);
    require(::flock(own.get(), operation) == 0);
    const pid_t exclusive = ancestor(Mode::exclusive);
    const pid_t shared = ancestor(Mode::shared);
    return std::pair(exclusive, shared);
  };
  check(ancestors_with(LOCK_EX) == std::pair(::getpid(), ::getpid()), "the farthest one is named");
  check(ancestors_with(LOCK_SH) == std::pair(::getpid(), pid_t{0}), "shared locks share");
}

TEST("a stranger's lock is no ancestor's") {
  const LockFile file;
  const Child stranger = staying([&] { ::flock(ipc::open_file(file.path, O_RDWR).release(), LOCK_EX); });
  check(!ancestor_holding(file.id, Mode::exclusive).has_value());
}

TEST("this process's own lock is in its way, too") {
  const LockFile file;
  const auto lock = FileLock::try_lock(file.file.get(), Mode::exclusive);
  check(ancestor_holding(file.id, Mode::shared) == ::getpid());
}

TEST("a record is believed of a process that does not show its locks, and of no other") {
  check(!is_hidden(holder(::getpid(), ::getpid())), "this one shows them");
  check(!is_hidden(holder(kGone, kGone)), "this one is not there");
  if (::geteuid() != 0) skip("cannot become another user");
  const pid_t root = ::getpid();
  const auto ending = in_child([&] {
    if (::setresuid(64999, 64999, 64999) != 0) return 98;
    return is_hidden(holder(root, root)) ? 0 : 1;
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0);
}
