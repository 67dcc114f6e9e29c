#include "ipc/semaphore.hpp"

#include <sys/resource.h>

#include <csignal>
#include <vector>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "latch.hpp"
#include "semaphore_set.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::Semaphore;
using Outcome = ipc::Semaphore::Outcome;
using Keep = ipc::Semaphore::Keep;

constexpr auto kLong = std::chrono::seconds(60);
constexpr auto kShort = std::chrono::milliseconds(30);

Outcome try_acquire(Semaphore& semaphore, Keep keep = Keep::undo) {
  return semaphore.acquire(keep, Deadline::now());
}

/// Takes a permit, says so, and stays until it is killed.
Child holder_of(Semaphore& semaphore, Keep keep = Keep::undo) {
  Latch held;
  Child child([&] {
    if (try_acquire(semaphore, keep) != Outcome::done) return 1;
    held.open();
    for (;;) ::pause();
    return 0;
  });
  require(held.wait(), "it holds one");
  return child;
}

/// Waits for a permit and exits with what came of it.
Child waiter_of(Semaphore& semaphore, Deadline deadline = Deadline::never()) {
  const int before = semaphore.waiters();
  Child child([&] { return static_cast<int>(semaphore.acquire(Keep::undo, deadline)); });
  require(eventually([&] { return semaphore.waiters() > before; }), "it waits");
  return child;
}

Outcome outcome_of(Child& child) { return static_cast<Outcome>(child.wait().status()); }

void kill(Child& child) {
  ::kill(child.pid(), SIGKILL);
  check_equal(child.wait().signal, SIGKILL);
}

}  // namespace

TEST("a set that nobody has made is not there") {
  const SemaphoreSet set;
  check(!set.open().has_value());
  check(!set.exists(), "asking has not made it");
}

TEST("a new one has what it was made with, and is found by its key and its cookie") {
  const SemaphoreSet set;
  const auto made = set.create(3);
  require(made.has_value());
  check_values(*made, 3, 0, 3);
  const auto found = set.open();
  require(found.has_value());
  check_values(*found, 3, 0, 3);
  check_equal(found->values()->ceiling, 0);
  check(!Semaphore::open(set.key(), SemaphoreSet::kCookie + 1).has_value(), "another cookie: another set");
  check(!Semaphore::open(set.key(), 0).has_value());
  check(!set.create(5).has_value(), "it is made once");
  check(!Semaphore::create(set.key(), 99, {5, 0, 5, 0}).has_value());
  check_values(*made, 3, 0, 3);
}

TEST("limits and cookies from the least to the most") {
  for (const int limit : {0, 1, Semaphore::kMost}) {
    for (const std::uint16_t cookie : {std::uint16_t{1}, std::uint16_t{Semaphore::kMost}}) {
      const SemaphoreSet set;
      const auto made = Semaphore::create(set.key(), cookie, {limit, 0, limit, 0});
      require(made.has_value());
      check_values(*made, limit, 0, limit);
      check(Semaphore::open(set.key(), cookie).has_value());
    }
  }
}

TEST("its user alone may use it") {
  const SemaphoreSet set;
  require(set.create(1).has_value());
  semid_ds status{};
  require(::semctl(set.id(), 0, IPC_STAT, &status) == 0);
  check_equal(status.sem_perm.mode & 0777U, 0600U);
  if (::geteuid() != 0) skip("cannot become another user");
  const auto ending = in_child([&] {
    if (::setresuid(64999, 64999, 64999) != 0) return 98;
    try {
      (void)set.open();
    } catch (const ipc::Error& error) {
      return error.errnum() == EACCES ? 0 : 1;
    }
    return 2;
  });
  check_equal(ending.status(), 0, "another user's is an Error");
}

TEST("one whose maker was killed before it had values is not there, and is finished by the next") {
  const SemaphoreSet set;
  require(set.create(1).has_value());
  semid_ds status{};
  require(::semctl(set.id(), 0, IPC_STAT, &status) == 0);
  const int places = static_cast<int>(status.sem_nsems);
  set.remove();
  const int unfinished = ::semget(set.key(), places, IPC_CREAT | IPC_EXCL | 0600);
  require(unfinished >= 0);
  check(!set.open().has_value());
  auto made = set.create(2);
  require(made.has_value());
  check_equal(set.id(), unfinished, "the same set");
  check_values(*made, 2, 0, 2);
  check(set.open().has_value());
  check(!set.create(2).has_value(), "it is finished only once");
  check(try_acquire(*made) == Outcome::done);
  made->release();
}

TEST("somebody else's set under the key, of whatever size, is left alone") {
  for (const int places : {1, 5, 7, 250}) {
    const SemaphoreSet set;
    const int foreign = ::semget(set.key(), places, IPC_CREAT | IPC_EXCL | 0600);
    require(foreign >= 0);
    check(!set.open().has_value());
    check(!set.create(3).has_value());
    check_equal(set.id(), foreign);
    check_equal(::semctl(foreign, 0, GETVAL), 0, "nothing was changed");
    sembuf up{0, 1, 0};
    require(::semop(foreign, &up, 1) == 0);
    check(!set.open().has_value());
    check(!set.create(3).has_value(), "nor once it is in use");
    check_equal(::semctl(foreign, 0, GETVAL), 1);
  }
}

TEST("as many permits as there are can be had, and then none") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  Child one = holder_of(*semaphore);
  check_values(*semaphore, 1, 0, 2);
  Child two = holder_of(*semaphore);
  check_values(*semaphore, 0, 0, 2);
  check(try_acquire(*semaphore) == Outcome::not_now);
  check_values(*semaphore, 0, 0, 2);
}

TEST("a permit comes back when its holder dies, however it dies, once") {
  const SemaphoreSet set;
  auto semaphore = set.create(3);
  require(semaphore.has_value());
  for (const int signal : {SIGKILL, SIGTERM, SIGHUP}) {
    Child holder = holder_of(*semaphore);
    check_values(*semaphore, 2, 0, 3);
    ::kill(holder.pid(), signal);
    (void)holder.wait();
    check_values(*semaphore, 3, 0, 3);
  }
  Child normal([&] { return static_cast<int>(try_acquire(*semaphore)); });
  check(outcome_of(normal) == Outcome::done);
  check_values(*semaphore, 3, 0, 3);
}

TEST("it stays over an exec, and is not a child's") {
  const SemaphoreSet set;
  auto semaphore = set.create(1);
  require(semaphore.has_value());
  Latch executed;  // is closed by it
  Child holder([&] {
    if (try_acquire(*semaphore) != Outcome::done) return 1;
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    return 2;
  });
  check(!executed.wait());
  check_values(*semaphore, 0, 0, 1);
  kill(holder);
  check_values(*semaphore, 1, 0, 1);
  const auto ending = in_child([&] {
    if (try_acquire(*semaphore) != Outcome::done) return 1;
    (void)in_child([] { return 0; });
    return semaphore->values()->free == 0 ? 0 : 2;
  });
  check_equal(ending.status(), 0, "the end of a child of the holder gives nothing back");
}

TEST("what is given back by release() is not given back again by the end of the process") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  const auto ending = in_child([&] {
    for (int i = 0; i < 3; ++i) {
      if (try_acquire(*semaphore) != Outcome::done) return 1;
      semaphore->release();
    }
    return semaphore->values()->free == 2 ? 0 : 2;
  });
  check_equal(ending.status(), 0);
  check_values(*semaphore, 2, 0, 2);
}

TEST("a permit taken for ever does not come back") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  Child holder = holder_of(*semaphore, Keep::forever);
  kill(holder);
  check_values(*semaphore, 1, 0, 2);
  check(semaphore->post() == Outcome::done);
  check_values(*semaphore, 2, 0, 2);
}

TEST("who waits is let in when a holder dies, in order") {
  const SemaphoreSet set;
  auto semaphore = set.create(1);
  require(semaphore.has_value());
  Child holder = holder_of(*semaphore);
  Child first = waiter_of(*semaphore);
  Child second = waiter_of(*semaphore, Deadline::after(kLong));
  check_equal(semaphore->waiters(), 2);
  kill(holder);
  check(outcome_of(first) == Outcome::done);
  check(outcome_of(second) == Outcome::done, "as the first one's end gives it back");
  check_equal(semaphore->waiters(), 0);
  check_values(*semaphore, 1, 0, 1);
}

TEST("a wait ends at its deadline, not before it and not long after") {
  const SemaphoreSet set;
  auto semaphore = set.create(0);
  require(semaphore.has_value());
  for (int round = 0; round < 3; ++round) {
    const auto deadline = Deadline::after(kShort);
    check(semaphore->acquire(Keep::undo, deadline) == Outcome::not_now);
    const auto late = Deadline::now() - deadline;
    check(late >= ipc::Duration::zero() && late < std::chrono::seconds(1));
  }
  const auto begin = Deadline::now();
  for (int round = 0; round < 100; ++round)
    check(semaphore->acquire(Keep::undo, begin) == Outcome::not_now, "past");
  check(Deadline::now() - begin < std::chrono::seconds(1));
  check_values(*semaphore, 0, 0, 0);
}

TEST("signals do not end the wait, and do not make it longer") {
#ifdef __SANITIZE_THREAD__
  skip("the sanitizer keeps signals back from system calls that it does not know");
#endif
  const SemaphoreSet set;
  auto semaphore = set.create(0);
  require(semaphore.has_value());
  for (const bool limited : {false, true}) {
    ipc::Pipe handled = ipc::Pipe::create();
    static int told = -1;
    told = handled.write_end.get();
    Child waiter([&] {
      struct sigaction action {};
      action.sa_handler = [](int) { (void)!::write(told, "h", 1); };
      ::sigaction(SIGUSR1, &action, nullptr);
      const auto deadline = limited ? Deadline::after(std::chrono::milliseconds(400)) : Deadline::never();
      const auto outcome = semaphore->acquire(Keep::undo, deadline);
      if (limited && Deadline::now() - deadline > std::chrono::seconds(5)) return 9;
      return static_cast<int>(outcome);
    });
    for (int i = 0; i < 5; ++i) {
      require(eventually([&] { return semaphore->waiters() == 1; }));
      ::kill(waiter.pid(), SIGUSR1);
      char byte = 0;
      require(::read(handled.read_end.get(), &byte, 1) == 1);
    }
    if (!limited) check(semaphore->post() == Outcome::done);
    check(outcome_of(waiter) == (limited ? Outcome::not_now : Outcome::done));
    if (!limited) check(try_acquire(*semaphore, Keep::forever) == Outcome::done);
  }
}

TEST("waiting costs no time of a processor") {
  const SemaphoreSet set;
  auto semaphore = set.create(0);
  require(semaphore.has_value());
  Child waiter = waiter_of(*semaphore, Deadline::after(kLong));
  const timespec a_while{0, 200'000'000};
  ::nanosleep(&a_while, nullptr);
  check(semaphore->post() == Outcome::done);
  int status = 0;
  rusage usage{};
  require(::wait4(waiter.pid(), &status, 0, &usage) == waiter.pid());
  check_equal(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec, 0);
  check(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec < 100'000);
}

TEST("a set that is removed is gone for everybody, also for those who wait") {
  const SemaphoreSet set;
  auto semaphore = set.create(1);
  require(semaphore.has_value());
  Child holder = holder_of(*semaphore);
  Child patient = waiter_of(*semaphore);
  Child limited = waiter_of(*semaphore, Deadline::after(kLong));
  semaphore->remove();
  check(outcome_of(patient) == Outcome::gone);
  check(outcome_of(limited) == Outcome::gone);
  check(!set.exists());
  semaphore->remove();
  check(try_acquire(*semaphore) == Outcome::gone);
  check(semaphore->acquire(Keep::forever, Deadline::never()) == Outcome::gone);
  check(semaphore->post() == Outcome::gone);
  check(semaphore->resize(5) == Outcome::gone);
  check(!semaphore->values().has_value());
  check_equal(semaphore->waiters(), 0);
  semaphore->release();
  check(!set.open().has_value());
}

TEST("many processes never hold more than there are, and all come back") {
  const SemaphoreSet set;
  auto semaphore = set.create(3);
  const SemaphoreSet inside_set;
  auto inside = inside_set.create(3);  // one less for each that is in: none is left, never fewer than none
  require(semaphore && inside);
  Latch start;
  std::vector<Child> racers;
  for (int i = 0; i < 12; ++i) {
    racers.emplace_back([&] {
      if (!start.wait()) return 1;
      for (int round = 0; round < 100; ++round) {
        if (semaphore->acquire(Keep::undo, Deadline::never()) != Outcome::done) return 2;
        if (try_acquire(*inside) != Outcome::done) return 3;
        ::sched_yield();
        inside->release();
        semaphore->release();
      }
      return 0;
    });
  }
  for (std::size_t i = 0; i < racers.size(); ++i) start.open();
  for (auto& racer : racers) check_equal(racer.wait().status(), 0);
  check_values(*semaphore, 3, 0, 3);
}
