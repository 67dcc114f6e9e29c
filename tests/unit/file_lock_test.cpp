#include "ipc/file_lock.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "descriptors.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/lock_table.hpp"
#include "ipc/pipe.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::FileLock;
using Mode = ipc::FileLock::Mode;

bool can_lock(const std::string& path, Mode mode) {
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  return FileLock::try_lock(other.get(), mode).has_value();
}

/// Process `pid` stands in line for the file behind `fd`, which this process has locked.
bool waits(pid_t pid, int fd) {
  for (const auto& held : ipc::locks_of(::getpid())) {
    if (held.fd != fd) continue;
    for (const auto& waiter : ipc::lock_records(held.file, {held.kernel_id}).waiters) {
      if (waiter.pid == pid) return true;
    }
  }
  return false;
}

/// Waits for the lock in a description of its own: 0 when it came, 1 when it did not.
int wait_for(const std::string& path, Mode mode, ipc::Deadline deadline) {
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  return FileLock::lock(file.get(), mode, deadline) ? 0 : 1;
}

constexpr auto kLong = std::chrono::seconds(60);
constexpr auto kShort = std::chrono::milliseconds(30);

void own_handler(int) {}

struct sigaction disposition_of(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action;
}

bool is_blocked(int signal) {
  sigset_t set;
  ::sigprocmask(SIG_BLOCK, nullptr, &set);
  return sigismember(&set, signal) == 1;
}

ipc::Duration cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto span = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return span(usage.ru_utime) + span(usage.ru_stime);
}

}  // namespace

TEST("an exclusive lock keeps every other description out") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  {
    const auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    check(lock.has_value());
    check(!can_lock(path, Mode::exclusive));
    check(!can_lock(path, Mode::shared));
    const auto status = in_child([&] { return can_lock(path, Mode::shared) ? 1 : 0; }).status();
    check_equal(status, 0, "from another process");
  }
  check(can_lock(path, Mode::exclusive), "it is freed at its end");
}

TEST("shared locks share, and keep exclusive ones out") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDONLY);
  const auto lock = FileLock::try_lock(file.get(), Mode::shared);
  check(lock.has_value());
  check(can_lock(path, Mode::shared));
  check(!can_lock(path, Mode::exclusive));
}

TEST("a moved lock is freed once, by its last owner") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  std::optional<FileLock> outer;
  {
    auto inner = FileLock::try_lock(file.get(), Mode::exclusive);
    require(inner.has_value());
    outer.emplace(std::move(*inner));
  }
  check(!can_lock(path, Mode::exclusive), "the moved-from one has freed nothing");
  outer.reset();
  check(can_lock(path, Mode::exclusive));
}

TEST("the death of its holder frees it") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  ipc::Pipe held = ipc::Pipe::create();
  Child holder([&] {
    const ipc::Fd file = ipc::open_file(path, O_RDWR);
    const auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    if (ipc::write_all(held.write_end.get(), lock ? "y" : "n") != 0) return 1;
    for (;;) ::pause();
  });
  held.write_end.reset();
  char answer = '-';
  require(::read(held.read_end.get(), &answer, 1) == 1);
  check_equal(std::string(1, answer), "y");
  check(!can_lock(path, Mode::shared));
  ::kill(holder.pid(), SIGKILL);
  check_equal(holder.wait().signal, SIGKILL);
  check(can_lock(path, Mode::exclusive));
}

TEST("no description to lock is an Error") {
  check_throws<ipc::Error>([] { (void)FileLock::try_lock(9999, Mode::exclusive); });
}

TEST("abandon() leaves the lock to the descriptors") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  ipc::Fd file = ipc::open_file(path, O_RDWR);
  {
    auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    require(lock.has_value());
    lock->abandon();
  }
  check(!can_lock(path, Mode::shared));
  file.reset();
  check(can_lock(path, Mode::exclusive));
}

TEST("unlock() frees the lock whoever took it and whoever has a copy, and is fine without one") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  FileLock::unlock(file.get());
  const ipc::Fd copy = ipc::duplicate(file.get());
  const auto ending = in_child([&] {
    auto lock = FileLock::try_lock(copy.get(), Mode::exclusive);
    if (!lock) return 1;
    lock->abandon();
    return 0;
  });
  check_equal(ending.status(), 0);
  check(!can_lock(path, Mode::shared), "the child's lock is on our description");
  FileLock::unlock(file.get());
  check(can_lock(path, Mode::exclusive));
  FileLock::unlock(file.get());
  check_throws<ipc::Error>([] { FileLock::unlock(9999); });
}

TEST("lock() gets what is free at once, also when its deadline has passed") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  for (const auto deadline : {ipc::Deadline::never(), ipc::Deadline::after(kLong), ipc::Deadline::now()}) {
    const auto lock = FileLock::lock(file.get(), Mode::exclusive, deadline);
    check(lock.has_value());
    check(!can_lock(path, Mode::shared));
  }
  check(can_lock(path, Mode::exclusive));
}

TEST("lock() waits until the lock is freed, with a deadline and without, in both modes") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  for (const auto deadline : {ipc::Deadline::never(), ipc::Deadline::after(kLong)}) {
    for (const Mode mode : {Mode::shared, Mode::exclusive}) {
      auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
      Child waiter([&] { return wait_for(path, mode, deadline); });
      check(eventually([&] { return waits(waiter.pid(), file.get()); }));
      lock.reset();
      check_equal(waiter.wait().status(), 0);
    }
  }
}

TEST("lock() gives up at its deadline, not before it and not long after") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  const auto held = FileLock::try_lock(file.get(), Mode::shared);
  for (int round = 0; round < 3; ++round) {
    const auto deadline = ipc::Deadline::after(kShort);
    check(!FileLock::lock(other.get(), Mode::exclusive, deadline).has_value());
    const auto late = ipc::Deadline::now() - deadline;
    check(late >= ipc::Duration::zero(), "not before");
    check(late < std::chrono::seconds(1), "not long after");
  }
  check(FileLock::lock(other.get(), Mode::shared, ipc::Deadline::after(kShort)).has_value(), "shared it may");
}

TEST("a deadline that has passed ends the wait at once") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  const auto held = FileLock::try_lock(file.get(), Mode::exclusive);
  const auto begin = ipc::Deadline::now();
  for (int round = 0; round < 20; ++round) {
    check(!FileLock::lock(other.get(), Mode::exclusive, begin).has_value());
    check(!FileLock::lock(other.get(), Mode::shared, ipc::Deadline::now()).has_value());
  }
  check(ipc::Deadline::now() - begin < std::chrono::seconds(2));
  check(held.has_value() && !can_lock(path, Mode::shared));
}

TEST("other signals do not end the wait") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  for (const auto deadline : {ipc::Deadline::never(), ipc::Deadline::after(kLong)}) {
    auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    ipc::Pipe handled = ipc::Pipe::create();
    static int told = -1;
    told = handled.write_end.get();
    Child waiter([&] {
      struct sigaction action {};
      action.sa_handler = [](int) { (void)!::write(told, "h", 1); };  // no SA_RESTART: flock() says EINTR
      ::sigaction(SIGUSR1, &action, nullptr);
      return wait_for(path, Mode::exclusive, deadline);
    });
    for (int i = 0; i < 5; ++i) {
      require(eventually([&] { return waits(waiter.pid(), file.get()); }));
      ::kill(waiter.pid(), SIGUSR1);
      char byte = 0;
      require(::read(handled.read_end.get(), &byte, 1) == 1);
    }
    check(eventually([&] { return waits(waiter.pid(), file.get()); }), "it stands in line again");
    lock.reset();
    check_equal(waiter.wait().status(), 0);
  }
}

TEST("a signal that kills still kills while waiting") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  const auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
  for (const int signal : {SIGTERM, SIGALRM, SIGUSR1, SIGRTMIN}) {
    Child waiter([&] { return wait_for(path, Mode::exclusive, ipc::Deadline::after(kLong)); });
    require(eventually([&] { return waits(waiter.pid(), file.get()); }));
    ::kill(waiter.pid(), signal);
    check_equal(waiter.wait().signal, signal);
  }
}

TEST("SIGRTMAX is as before when lock() returns, whatever it was and however it ended") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  for (const bool blocked : {false, true}) {
    for (void (*handler)(int) : {SIG_DFL, SIG_IGN, own_handler}) {
      struct sigaction action {};
      action.sa_handler = handler;
      ::sigaction(SIGRTMAX, &action, nullptr);
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGRTMAX);
      ::sigprocmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
      check(FileLock::lock(other.get(), Mode::exclusive, ipc::Deadline::after(kLong)).has_value());
      check(disposition_of(SIGRTMAX).sa_handler == handler);
      check_equal(is_blocked(SIGRTMAX), blocked);
      const auto held = FileLock::try_lock(file.get(), Mode::exclusive);
      check(!FileLock::lock(other.get(), Mode::exclusive, ipc::Deadline::after(kShort)).has_value());
      check(disposition_of(SIGRTMAX).sa_handler == handler, "after the deadline");
      check_equal(is_blocked(SIGRTMAX), blocked, "after the deadline");
      sigset_t pending;
      ::sigpending(&pending);
      check(sigismember(&pending, SIGRTMAX) == 0, "and nothing is left of the timer");
    }
  }
  ::signal(SIGRTMAX, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

TEST("waiting costs no time of a processor, with a deadline and without") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  for (const bool limited : {false, true}) {
    auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    Child waiter([&] {
      const ipc::Fd other = ipc::open_file(path, O_RDWR);
      const auto deadline = limited ? ipc::Deadline::after(kLong) : ipc::Deadline::never();
      const auto begin = ipc::Deadline::now();
      const auto before = cpu_time();
      if (!FileLock::lock(other.get(), Mode::exclusive, deadline)) return 1;
      const auto waited = ipc::Deadline::now() - begin;
      return (cpu_time() - before) * 10 < waited ? 0 : 2;
    });
    require(eventually([&] { return waits(waiter.pid(), file.get()); }));
    const timespec a_while{0, 200'000'000};
    ::nanosleep(&a_while, nullptr);
    lock.reset();
    check_equal(waiter.wait().status(), 0);
  }
}

TEST("what cannot be locked is an Error, with a deadline and without") {
  check_throws<ipc::Error>([] { (void)FileLock::lock(9999, Mode::shared); });
  check_throws<ipc::Error>([] { (void)FileLock::lock(9999, Mode::shared, ipc::Deadline::after(kLong)); });
  check(disposition_of(SIGRTMAX).sa_handler == SIG_DFL);
}
