#include "ipc/lock_table.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/fd.hpp"
#include "ipc/processes.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Fd;
using ipc::FileId;
using ipc::FileLock;
using ipc::LockHolder;
using Mode = ipc::FileLock::Mode;

FileId id_of(int fd) {
  const auto id = ipc::file_id(fd);
  require(id.has_value());
  return *id;
}

std::vector<pid_t> pids_of(const std::vector<LockHolder>& holders) {
  std::vector<pid_t> pids;
  for (const auto& holder : holders) pids.push_back(holder.pid);
  std::ranges::sort(pids);
  return pids;
}

std::vector<pid_t> sorted(std::vector<pid_t> pids) {
  std::ranges::sort(pids);
  return pids;
}

bool holds(pid_t pid, FileId file) { return !ipc::holders_among({pid}, file).empty(); }

/// What the kernel records on the file behind `fd`, under every name it has for it.
ipc::LockRecords records_of(int fd) {
  const FileId file = id_of(fd);
  std::vector<std::string> names;
  for (const auto& holder : ipc::holders_among(ipc::all_processes(), file)) names.push_back(holder.kernel_id);
  return ipc::lock_records(file, names);
}

/// A file, open for locking.
struct LockFile {
  Scratch scratch;
  std::string path = scratch.file("a file");
  Fd file = ipc::open_file(path, O_RDWR);

  [[nodiscard]] int fd() const { return file.get(); }
  [[nodiscard]] FileId id() const { return id_of(fd()); }
};

/// Opens the file anew, locks it in `mode`, says so, and stays until it is killed.
Child holder_of(const std::string& path, Mode mode) {
  Latch held;
  Child child([&] {
    const Fd file = ipc::open_file(path, O_RDWR);
    const auto lock = FileLock::try_lock(file.get(), mode);
    if (!lock) return 1;
    held.open();
    for (;;) ::pause();
  });
  require(held.wait(), "it holds it");
  return child;
}

/// Opens the file anew and waits for it in `mode`.
Child waiter_of(const std::string& path, Mode mode) {
  return Child([&] {
    const Fd file = ipc::open_file(path, O_RDWR);
    return FileLock::lock(file.get(), mode) ? 0 : 1;
  });
}

}  // namespace

TEST("the lock on a descriptor of our own is seen, in its mode, while it is there") {
  const LockFile lock_file;
  const int fd = lock_file.fd();
  check(!ipc::lock_on(fd).has_value());
  for (const Mode mode : {Mode::exclusive, Mode::shared, Mode::exclusive}) {
    const auto lock = FileLock::try_lock(fd, mode);
    require(lock.has_value());
    const auto seen = ipc::lock_on(fd);
    require(seen.has_value());
    check_equal(*seen, mode);
  }
  check(!ipc::lock_on(fd).has_value());
  check(!ipc::lock_on(9999).has_value(), "nor on one that is not open");
}

TEST("looking never takes the lock") {
  const LockFile lock_file;
  check(!ipc::lock_on(lock_file.fd()).has_value());
  (void)ipc::locks_of(::getpid());
  (void)ipc::lock_records(lock_file.id());
  const Fd other = ipc::open_file(lock_file.path, O_RDWR);
  check(FileLock::try_lock(other.get(), Mode::exclusive).has_value());
}

TEST("a lock is the description's: its copies have it, another description of the file has not") {
  const LockFile lock_file;
  const auto lock = FileLock::try_lock(lock_file.fd(), Mode::shared);
  const Fd copy = ipc::duplicate(lock_file.fd());
  const Fd other = ipc::open_file(lock_file.path, O_RDWR);
  check(ipc::lock_on(copy.get()).has_value());
  check(!ipc::lock_on(other.get()).has_value());
}

TEST("locks of other kinds do not count") {
  const LockFile lock_file;
  struct flock region {};
  region.l_type = F_WRLCK;
  region.l_whence = SEEK_SET;
  require(::fcntl(lock_file.fd(), F_SETLK, &region) == 0);
  check(!ipc::lock_on(lock_file.fd()).has_value(), "fcntl(2)'s");
  check(ipc::locks_of(::getpid()).empty());
  check(ipc::lock_records(lock_file.id()).holders.empty());
  const auto lock = FileLock::try_lock(lock_file.fd(), Mode::shared);
  const auto seen = ipc::lock_on(lock_file.fd());
  require(seen.has_value(), "both kinds on one file");
  check_equal(*seen, Mode::shared);
}

TEST("the locks of a process: each with its descriptor, its file and who took it") {
  const LockFile one;
  const LockFile two;
  const LockFile unlocked;
  const auto first = FileLock::try_lock(one.fd(), Mode::exclusive);
  const auto second = FileLock::try_lock(two.fd(), Mode::shared);
  const auto locks = ipc::locks_of(::getpid());
  check_equal(locks.size(), 2U);
  for (const LockFile* file : {&one, &two}) {
    const auto at = std::ranges::find(locks, file->fd(), &LockHolder::fd);
    require(at != locks.end());
    check_equal(at->pid, ::getpid());
    check_equal(at->taken_by, ::getpid());
    check(at->file == file->id());
    check_equal(at->mode, file == &one ? Mode::exclusive : Mode::shared);
    check(!at->kernel_id.empty());
  }
  check(ipc::shows_locks(::getpid()));
  check(ipc::locks_of(0x7FFFFFF0).empty() && !ipc::shows_locks(0x7FFFFFF0), "nobody has none");
}

TEST("every process that has inherited the descriptor holds the lock, across fork and exec") {
  const LockFile lock_file;
  const FileId file = lock_file.id();
  auto lock = FileLock::try_lock(lock_file.fd(), Mode::exclusive);
  require(lock.has_value());
  Latch closed;
  Latch executed;
  const Child heir([&] {
    ::fcntl(lock_file.fd(), F_SETFD, 0);
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    return 1;
  });
  const Child closer([&] {
    ::close(lock_file.fd());
    closed.open();
    for (;;) ::pause();
    return 0;
  });
  const Child at_exec([&] {
    executed.open();
    ::execl("/bin/sleep", "sleep", "1000", nullptr);  // the descriptor is close-on-exec
    return 1;
  });
  require(closed.wait());
  require(executed.wait());
  check(eventually([&] { return ipc::short_name_of(heir.pid()) == "sleep"; }));
  check(eventually([&] { return !holds(at_exec.pid(), file); }));
  const std::vector<pid_t> all = {heir.pid(), closer.pid(), at_exec.pid(), ::getpid()};
  check(pids_of(ipc::holders_among(all, file)) == sorted({heir.pid(), ::getpid()}));
  for (const auto& holder : ipc::holders_among(all, file)) {
    check_equal(holder.taken_by, ::getpid(), "it was taken here, whoever holds it");
    check_equal(holder.mode, Mode::exclusive);
    check_equal(holder.fd, lock_file.fd());
  }
  lock.reset();
  check(ipc::holders_among(all, file).empty(), "unlocking frees it for all of them");
}

TEST("the taker may be gone: who has the descriptor holds the lock") {
  const LockFile lock_file;
  const auto ending = in_child([&] { return ::flock(lock_file.fd(), LOCK_EX | LOCK_NB); });
  check_equal(ending.status(), 0);
  const auto holders = ipc::holders_among(ipc::all_processes(), lock_file.id());
  require(holders.size() == 1);
  const pid_t helper = holders.front().taken_by;
  check_equal(holders.front().pid, ::getpid());
  check(helper != ::getpid() && !ipc::facts_of(helper).has_value(), "who took it is no more");
  const auto records = records_of(lock_file.fd());
  require(records.holders.size() == 1);
  check_equal(records.holders.front().pid, helper, "and is all that /proc/locks knows");
  check_equal(records.holders.front().taken_by, helper);
  check_equal(records.holders.front().fd, -1);
}

TEST("a holder's death frees what only it had") {
  const LockFile lock_file;
  Child holder = holder_of(lock_file.path, Mode::exclusive);
  check(holds(holder.pid(), lock_file.id()));
  ::kill(holder.pid(), SIGKILL);
  const pid_t pid = holder.pid();
  (void)holder.wait();
  check(!holds(pid, lock_file.id()));
  check(records_of(lock_file.fd()).holders.empty());
}

TEST("shared holders are all there, each its own taker") {
  const LockFile lock_file;
  const Child one = holder_of(lock_file.path, Mode::shared);
  const Child two = holder_of(lock_file.path, Mode::shared);
  const auto holders = ipc::holders_among(ipc::all_processes(), lock_file.id());
  check(pids_of(holders) == sorted({one.pid(), two.pid()}));
  for (const auto& holder : holders) {
    check_equal(holder.mode, Mode::shared);
    check_equal(holder.taken_by, holder.pid);
  }
  const auto records = records_of(lock_file.fd());
  check(pids_of(records.holders) == sorted({one.pid(), two.pid()}));
  for (const auto& holder : records.holders) check_equal(holder.mode, Mode::shared);
}

TEST("waiters are recorded with their modes, and apart from holders") {
  const LockFile lock_file;
  const LockFile another;
  const Child holder = holder_of(lock_file.path, Mode::exclusive);
  const Child stranger = holder_of(another.path, Mode::exclusive);
  const Child reader = waiter_of(lock_file.path, Mode::shared);
  const Child writer = waiter_of(lock_file.path, Mode::exclusive);
  const Child elsewhere = waiter_of(another.path, Mode::exclusive);
  require(eventually([&] { return records_of(lock_file.fd()).waiters.size() == 2; }));
  require(eventually([&] { return records_of(another.fd()).waiters.size() == 1; }));
  const auto records = records_of(lock_file.fd());
  check(pids_of(records.holders) == std::vector<pid_t>{holder.pid()});
  for (const auto& waiter : records.waiters) {
    check(waiter.pid == reader.pid() || waiter.pid == writer.pid());
    check_equal(waiter.mode, waiter.pid == reader.pid() ? Mode::shared : Mode::exclusive);
    check_equal(waiter.kernel_id, records.holders.front().kernel_id);
  }
  check(!holds(reader.pid(), lock_file.id()), "who waits holds nothing");
}

TEST("a waiter that is killed is recorded no more, one that is let in becomes the holder") {
  const LockFile lock_file;
  Child holder = holder_of(lock_file.path, Mode::exclusive);
  Child impatient = waiter_of(lock_file.path, Mode::exclusive);
  require(eventually([&] { return records_of(lock_file.fd()).waiters.size() == 1; }));
  ::kill(impatient.pid(), SIGKILL);
  (void)impatient.wait();
  check(records_of(lock_file.fd()).waiters.empty());
  Latch got;
  const Child patient([&] {
    const Fd file = ipc::open_file(lock_file.path, O_RDWR);
    const auto lock = FileLock::lock(file.get(), Mode::shared);
    got.open();
    for (;;) ::pause();
    return 0;
  });
  require(eventually([&] { return records_of(lock_file.fd()).waiters.size() == 1; }));
  ::kill(holder.pid(), SIGKILL);
  (void)holder.wait();
  require(got.wait());
  const auto records = records_of(lock_file.fd());
  check(records.waiters.empty());
  check(pids_of(records.holders) == std::vector<pid_t>{patient.pid()});
}

TEST("directories are files, too") {
  const Scratch scratch;
  const Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  const auto lock = FileLock::try_lock(directory.get(), Mode::shared);
  check(ipc::lock_on(directory.get()).has_value());
  check(holds(::getpid(), id_of(directory.get())));
}

TEST("a removed file's lock is still its holder's, and no other file's of that name") {
  const LockFile lock_file;
  const auto lock = FileLock::try_lock(lock_file.fd(), Mode::exclusive);
  ::unlink(lock_file.path.c_str());
  (void)lock_file.scratch.file("a file");
  const Fd successor = ipc::open_file(lock_file.path, O_RDWR);
  check(holds(::getpid(), lock_file.id()));
  check(!holds(::getpid(), id_of(successor.get())));
  check(records_of(successor.get()).holders.empty());
}

TEST("another user's descriptors are not to be seen, its record is") {
  if (::geteuid() != 0) skip("cannot become another user");
  const LockFile lock_file;
  const FileId file = lock_file.id();
  const auto lock = FileLock::try_lock(lock_file.fd(), Mode::exclusive);
  const auto own = ipc::holders_among({::getpid()}, file);
  require(own.size() == 1);
  const pid_t root = ::getpid();
  const auto ending = in_child([&] {
    ::close(lock_file.fd());
    if (::setresuid(64999, 64999, 64999) != 0) return 98;
    if (!ipc::locks_of(root).empty() || ipc::shows_locks(root)) return 1;
    const auto records = ipc::lock_records(file, {own.front().kernel_id});
    return records.holders.size() == 1 && records.holders.front().pid == root ? 0 : 2;
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0);
}
