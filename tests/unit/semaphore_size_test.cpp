/// ipc/semaphore.hpp again: what changes the number of permits, post() and resize().

#include <csignal>
#include <vector>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/semaphore.hpp"
#include "latch.hpp"
#include "semaphore_set.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::Semaphore;
using Outcome = ipc::Semaphore::Outcome;
using Keep = ipc::Semaphore::Keep;

Outcome try_acquire(Semaphore& semaphore, Keep keep = Keep::undo) {
  return semaphore.acquire(keep, Deadline::now());
}

/// Takes a permit and stays until it is told to give it back, or is killed.
class Holder {
 public:
  explicit Holder(Semaphore& semaphore, Deadline deadline = Deadline::now())
      : process_([&] {
          if (semaphore.acquire(Keep::undo, deadline) != Outcome::done) return 1;
          held_.open();
          if (!go_.wait()) return 2;
          semaphore.release();
          return 0;
        }) {}

  void wait() { require(held_.wait(), "it holds one"); }
  void release() {
    go_.open();
    check_equal(process_.wait().status(), 0);
  }
  void kill() {
    ::kill(process_.pid(), SIGKILL);
    check_equal(process_.wait().signal, SIGKILL);
  }

 private:
  Latch held_;
  Latch go_;
  Child process_;
};

/// Permits that can be had at this moment, counted by taking them in a process that then ends.
int available(Semaphore& semaphore) {
  return in_child([&] {
           int count = 0;
           while (count < 90 && try_acquire(semaphore) == Outcome::done) ++count;
           return count;
         })
      .status();
}

}  // namespace

TEST("a post adds a permit and wakes who waits") {
  const SemaphoreSet set;
  auto semaphore = set.create(0);
  require(semaphore.has_value());
  check(semaphore->post() == Outcome::done);
  check(semaphore->post() == Outcome::done);
  check_values(*semaphore, 2, 0, 0);
  check(try_acquire(*semaphore, Keep::forever) == Outcome::done);
  check(try_acquire(*semaphore, Keep::forever) == Outcome::done);
  check(try_acquire(*semaphore, Keep::forever) == Outcome::not_now);
  Holder holder(*semaphore, Deadline::never());
  require(eventually([&] { return semaphore->waiters() == 1; }));
  check(semaphore->post() == Outcome::done);
  holder.wait();
  holder.release();
  check_values(*semaphore, 1, 0, 0);
}

TEST("without a ceiling the kernel's own is one, and nothing is lost there") {
  const SemaphoreSet set;
  auto semaphore = set.create(Semaphore::kMost - 1);
  require(semaphore.has_value());
  check(semaphore->post() == Outcome::done);
  check(semaphore->post() == Outcome::not_now);
  check_equal(semaphore->values()->free, Semaphore::kMost);
}

TEST("a ceiling refuses a post too many, also by a handle that was opened later") {
  const SemaphoreSet set;
  auto made = set.create(3, 3);
  auto opened = set.open();
  require(made && opened);
  check_equal(opened->values()->ceiling, 3);
  check(opened->post() == Outcome::not_now);
  check_values(*made, 3, 0, 3);
  for (int i = 0; i < 3; ++i) check(try_acquire(*opened, Keep::forever) == Outcome::done);
  check(try_acquire(*opened, Keep::forever) == Outcome::not_now);
  for (int i = 0; i < 3; ++i) check(made->post() == Outcome::done);
  check(made->post() == Outcome::not_now);
  check(opened->post() == Outcome::not_now);
  check_values(*made, 3, 0, 3);
}

TEST("one that begins below its ceiling takes as many posts as there is room") {
  const SemaphoreSet set;
  auto semaphore = Semaphore::create(set.key(), SemaphoreSet::kCookie, {1, 0, 1, 4});
  require(semaphore.has_value());
  for (int i = 0; i < 3; ++i) check(semaphore->post() == Outcome::done);
  check(semaphore->post() == Outcome::not_now);
  check_equal(available(*semaphore), 4);
  check(semaphore->post() == Outcome::not_now, "what those who are gone held is back, and fills the room");
}

TEST("under a ceiling permits come back, by release() and by death, and the room with them") {
  const SemaphoreSet set;
  auto semaphore = set.create(2, 2);
  require(semaphore.has_value());
  for (int round = 0; round < 3; ++round) {
    Holder one(*semaphore);
    Holder two(*semaphore);
    one.wait();
    two.wait();
    check(try_acquire(*semaphore) == Outcome::not_now);
    one.release();
    two.kill();
    check_values(*semaphore, 2, 0, 2);
    check(semaphore->post() == Outcome::not_now);
  }
}

TEST("never more are free than the ceiling, though one was posted while others were held") {
  for (const bool killed : {false, true}) {
    const SemaphoreSet set;
    auto semaphore = set.create(2, 2);
    require(semaphore.has_value());
    Holder one(*semaphore);
    Holder two(*semaphore);
    one.wait();
    two.wait();
    (void)semaphore->post();
    (void)semaphore->post();
    (void)semaphore->post();
    if (killed) {
      one.kill();
      two.kill();
    } else {
      one.release();
      two.release();
    }
    check(semaphore->values()->free <= 2, killed ? "after their death" : "after their release");
    check(available(*semaphore) <= 2);
    check(semaphore->post() == Outcome::not_now);
  }
}

TEST("under a ceiling only what is gone for ever makes room") {
  const SemaphoreSet set;
  auto semaphore = set.create(3, 3);
  require(semaphore.has_value());
  Holder holder(*semaphore);
  holder.wait();
  check(semaphore->post() == Outcome::not_now, "the holder's comes back by itself");
  check(try_acquire(*semaphore, Keep::forever) == Outcome::done);
  check(semaphore->post() == Outcome::done);
  check(semaphore->post() == Outcome::not_now);
  holder.kill();
  check_values(*semaphore, 3, 0, 3);
}

TEST("shut, it lets nobody in until it is reopened, or its shutter is dead") {
  const SemaphoreSet set;
  auto semaphore = set.create(3);
  require(semaphore.has_value());
  Holder holder(*semaphore);
  holder.wait();
  check(semaphore->shut());
  check_values(*semaphore, 0, 0, 3);
  check_equal(available(*semaphore), 0);
  check(semaphore->shut(), "twice is fine");
  holder.kill();
  check_values(*semaphore, 1, 0, 3);
  check(semaphore->shut(), "and takes what has come back meanwhile");
  check_values(*semaphore, 0, 0, 3);
  semaphore->reopen();
  check_values(*semaphore, 3, 0, 3);
  semaphore->reopen();
  check_values(*semaphore, 3, 0, 3);
  const auto ending = in_child([&] { return semaphore->shut() && semaphore->values()->free == 0 ? 0 : 1; });
  check_equal(ending.status(), 0);
  check_values(*semaphore, 3, 0, 3);
  semaphore->remove();
  check(semaphore->shut());
  semaphore->reopen();
}

TEST("growing takes effect at once, also for who waits") {
  const SemaphoreSet set;
  auto semaphore = set.create(1);
  require(semaphore.has_value());
  Holder first(*semaphore);
  first.wait();
  Holder second(*semaphore, Deadline::never());
  require(eventually([&] { return semaphore->waiters() == 1; }));
  check(semaphore->resize(3) == Outcome::done);
  second.wait();
  check_values(*semaphore, 1, 0, 3);
  first.kill();
  second.kill();
  check_values(*semaphore, 3, 0, 3);
}

TEST("to its own size it is resized without effect") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  check(semaphore->resize(2) == Outcome::done);
  check_values(*semaphore, 2, 0, 2);
}

TEST("shrinking withdraws what is free at once") {
  const SemaphoreSet set;
  auto semaphore = set.create(5);
  require(semaphore.has_value());
  Holder holder(*semaphore);
  holder.wait();
  check(semaphore->resize(2) == Outcome::done);
  check_values(*semaphore, 1, 0, 2);
  holder.kill();
  check_equal(available(*semaphore), 2);
}

TEST("what is held is withdrawn as it comes back, before anybody else has it") {
  const SemaphoreSet set;
  auto semaphore = set.create(3);
  require(semaphore.has_value());
  Holder one(*semaphore);
  Holder two(*semaphore);
  Holder three(*semaphore);
  for (Holder* holder : {&one, &two, &three}) holder->wait();
  check(semaphore->resize(1) == Outcome::done);
  check_values(*semaphore, 0, 2, 1);
  one.kill();
  check(try_acquire(*semaphore) == Outcome::not_now, "two still hold one each, where one may");
  two.release();
  check(try_acquire(*semaphore) == Outcome::not_now, "the last one still holds it");
  three.kill();
  check_equal(available(*semaphore), 1);
  check_values(*semaphore, 1, 0, 1);
}

TEST("a debt is paid by a waiter that was blocked before, and it then waits on") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  Holder one(*semaphore);
  Holder two(*semaphore);
  one.wait();
  two.wait();
  Holder waiter(*semaphore, Deadline::after(std::chrono::seconds(60)));
  require(eventually([&] { return semaphore->waiters() == 1; }));
  check(semaphore->resize(1) == Outcome::done);
  one.kill();
  check(eventually([&] { return semaphore->values()->debt == 0; }), "it has paid");
  check(eventually([&] { return semaphore->waiters() == 1; }), "it waits");
  check_values(*semaphore, 0, 0, 1);
  two.release();
  waiter.wait();
  check_values(*semaphore, 0, 0, 1);
  waiter.kill();
  check_values(*semaphore, 1, 0, 1);
}

TEST("who has paid a debt owes nothing: its end gives back what it holds and no more") {
  for (const Keep keep : {Keep::undo, Keep::forever}) {
    const SemaphoreSet set;
    auto semaphore = set.create(3);
    require(semaphore.has_value());
    Holder one(*semaphore);
    Holder two(*semaphore);
    Holder three(*semaphore);
    for (Holder* holder : {&one, &two, &three}) holder->wait();
    check(semaphore->resize(1) == Outcome::done);
    for (Holder* holder : {&one, &two, &three}) holder->kill();
    check_values(*semaphore, 3, 2, 1);
    const auto ending = in_child([&] { return static_cast<int>(try_acquire(*semaphore, keep)); });
    check_equal(ending.status(), static_cast<int>(Outcome::done));
    check_values(*semaphore, keep == Keep::undo ? 1 : 0, 0, 1);
  }
}

TEST("to no permit at all, and back") {
  const SemaphoreSet set;
  auto semaphore = set.create(2);
  require(semaphore.has_value());
  Holder holder(*semaphore);
  holder.wait();
  check(semaphore->resize(0) == Outcome::done);
  check_values(*semaphore, 0, 1, 0);
  holder.kill();
  check(try_acquire(*semaphore) == Outcome::not_now);
  check_values(*semaphore, 0, 0, 0);
  check(semaphore->resize(2) == Outcome::done);
  check_equal(available(*semaphore), 2);
}

TEST("permits that are free pay the debt first, and what is left is available") {
  check_equal(ipc::Semaphore::Values{3, 1, 4, 0}.available(), 2);
  check_equal(ipc::Semaphore::Values{1, 1, 4, 0}.available(), 0);
  check_equal(ipc::Semaphore::Values{0, 2, 1, 0}.available(), 0);
}

TEST("growing forgives a debt before it adds permits") {
  const SemaphoreSet set;
  auto semaphore = set.create(3);
  require(semaphore.has_value());
  Holder one(*semaphore);
  Holder two(*semaphore);
  Holder three(*semaphore);
  for (Holder* holder : {&one, &two, &three}) holder->wait();
  check(semaphore->resize(1) == Outcome::done);
  check_values(*semaphore, 0, 2, 1);
  check(semaphore->resize(2) == Outcome::done);
  check_values(*semaphore, 0, 1, 2);
  check(semaphore->resize(4) == Outcome::done);
  check_values(*semaphore, 1, 0, 4);
  for (Holder* holder : {&one, &two, &three}) holder->kill();
  check_values(*semaphore, 4, 0, 4);
}

TEST("resized by many, used by many, and killed: in the end there are as many as was said last") {
  const SemaphoreSet set;
  auto semaphore = set.create(4);
  require(semaphore.has_value());
  Latch start;
  std::vector<Child> users;
  for (int i = 0; i < 6; ++i) {
    users.emplace_back([&, i] {
      if (!start.wait()) return 1;
      for (int round = 0; round < 200; ++round) {
        if (semaphore->acquire(Keep::undo, Deadline::never()) != Outcome::done) return 2;
        ::sched_yield();
        // Some hold one when they end.
        if (round == 199 && i % 2 == 0) ::raise(SIGKILL);
        semaphore->release();
      }
      return 0;
    });
  }
  for (int i = 0; i < 3; ++i) {
    users.emplace_back([&, i] {
      if (!start.wait()) return 1;
      for (int round = 0; round < 100; ++round) {
        if (semaphore->resize(1 + (round * 7 + i) % 9) != Outcome::done) return 3;
        ::sched_yield();
      }
      return 0;
    });
  }
  for (std::size_t i = 0; i < users.size(); ++i) start.open();
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto ending = users[i].wait();
    check(ending.success() || (i < 6 && ending.signal == SIGKILL));
  }
  check(semaphore->resize(5) == Outcome::done);
  check_equal(available(*semaphore), 5);
  check_values(*semaphore, 5, 0, 5);
}
