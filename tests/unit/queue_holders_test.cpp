#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "child.hpp"
#include "ipc/pipe.hpp"
#include "latch.hpp"
#include "queue/holders.hpp"
#include "queue/runs.hpp"
#include "queue/verify.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using queue::Holders;
using queue::Number;
using queue::Section;
using queue::Store;

/// A store and a holder of its own.
struct Party {
  std::unique_ptr<Store> store;
  Holders holders{*store};

  explicit Party(const QueuePlace& place) : store(place.store()) {}
  template <class Body>
  auto locked(Body body) {
    Section section(*store);
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      section.commit();
    } else {
      auto result = body();
      section.commit();
      return result;
    }
  }
  Number self() {
    return locked([&] { return holders.self(); });
  }
  bool bury_dead() {
    return locked([&] { return holders.bury_dead(); });
  }
  /// Takes hold of the first run of priority 0.
  void hold() {
    locked([&] {
      queue::Runs runs(*store);
      const Number number = store->header().lists[0].head;
      require(number != 0, "something to hold");
      const Number own = holders.self();
      runs.withdraw(number);
      runs.hold(number, own, 5);
    });
  }
  void check_sound(tap::Here at = tap::Here::current()) {
    const auto findings = locked([&] { return queue::verify(*store); });
    for (const std::string& finding : findings) check(false, finding, at);
  }
};

/// Messages of which each is a run of its own.
void put_apart(const QueuePlace& place, const Texts& texts) {
  const auto queue = place.open();
  for (const std::string& text : texts) {
    put(*queue, {text});
    put(*queue, {"between"}, with_priority(1));
  }
  const Texts between = take(*queue, texts.size());
  check_equal(between.size(), texts.size());
}

}  // namespace

TEST("each holder has an entry of its own, and keeps it") {
  const QueuePlace place;
  Party one(place);
  Party two(place);
  check_equal(one.holders.registered(), 0U);
  const Number first = one.self();
  const Number second = two.self();
  check(first != second);
  check_equal(one.self(), first);
  check_equal(one.holders.registered(), first);
  check_equal(one.store->header().active, 2U);
  check_equal(one.store->holder(first).pid, ::getpid());
  one.check_sound();
}

TEST("who leaves frees its entry, and the next has it") {
  const QueuePlace place;
  auto one = std::make_unique<Party>(place);
  Party two(place);
  const Number first = one->self();
  (void)two.self();
  one->locked([&] { one->holders.leave(); });
  check_equal(two.store->header().active, 1U);
  one.reset();
  Party three(place);
  check_equal(three.self(), first);
  check_equal(three.store->header().active, 2U);
  three.check_sound();
}

TEST("who still holds something does not leave") {
  const QueuePlace place;
  put_apart(place, {"a"});
  auto one = std::make_unique<Party>(place);
  one->hold();
  one->locked([&] { one->holders.leave(); });
  Party two(place);
  check_equal(two.store->header().active, 1U);
  check(!two.bury_dead(), "it lives");
  one.reset();
  check(two.bury_dead());
  check(take(*place.open()) == Texts({"a"}));
}

TEST("what a dead one had comes back in its old order, to the front, and its tries have counted") {
  const QueuePlace place;
  const Texts texts = numbered(80);  // more than go back in one change
  put_apart(place, texts);
  check_equal(in_child([&] {
                Party party(place);
                for (std::size_t i = 0; i < 70; ++i) party.hold();
                return ::kill(::getpid(), SIGKILL);
              }).signal,
              SIGKILL);
  Party party(place);
  check_equal(party.store->header().leased, 70U);
  check(party.bury_dead());
  check(!party.bury_dead());
  party.check_sound();
  check_equal(party.store->header().leased, 0U);
  check_equal(party.store->header().active, 0U);
  const auto queue = place.open();
  const auto& batch = queue->take(1, ipc::Deadline::past(), {});
  require(batch.messages.size() == 1);
  check_equal(batch.messages[0].attempt, 2U);
  queue->settle(0);
  check(take(*queue) == texts);
}

TEST("one that died between two changes of its burial is buried by the next") {
  const QueuePlace place;
  put_apart(place, numbered(40));
  check_equal(in_child([&] {
                Party party(place);
                for (std::size_t i = 0; i < 40; ++i) party.hold();
                return 0;
              }).status(),
              0);
  // Its first turn alone has been done.
  Party party(place);
  party.locked([&] {
    queue::Runs runs(*party.store);
    const Number run = party.store->holder(1).runs.tail;
    runs.withdraw(run);
    runs.come_back(run);
  });
  check(party.bury_dead());
  party.check_sound();
  check(take(*place.open()) == numbered(40));
}

TEST("one that had nothing is removed, and nothing was returned") {
  const QueuePlace place;
  check_equal(in_child([&] { return Party(place).self() == 1 ? 0 : 1; }).status(), 0);
  Party party(place);
  check_equal(party.store->header().active, 1U);
  check(!party.bury_dead());
  check_equal(party.store->header().active, 0U);
  check_equal(party.self(), 1U);
}

TEST("a copy of the descriptor keeps what is held until it is closed, whoever has it") {
  const QueuePlace place;
  put_apart(place, {"a"});
  Latch may_end;
  ipc::Pipe pipe = ipc::Pipe::create();
  // The holder forks the keeper, and dies.
  Child holder([&] {
    Party party(place);
    party.hold();
    const pid_t child = ::fork();
    if (child == 0) {
      (void)may_end.wait();
      ::_exit(0);
    }
    (void)!::write(pipe.write_end.get(), &child, sizeof child);
    return ::kill(::getpid(), SIGKILL);
  });
  pid_t keeping = 0;
  require(::read(pipe.read_end.get(), &keeping, sizeof keeping) == sizeof keeping);
  check_equal(holder.wait().signal, SIGKILL);
  Party party(place);
  check(!party.bury_dead(), "the other one has its descriptor");
  check_equal(party.store->header().leased, 1U);
  const ipc::Fd watched(static_cast<int>(::syscall(SYS_pidfd_open, keeping, 0U)));
  may_end.open();
  pollfd end{watched.get(), POLLIN, 0};
  check_equal(::poll(&end, 1, 20000), 1);
  check(party.bury_dead());
  check(take(*place.open()) == Texts({"a"}));
}

TEST("the others that hold something are known, with their pids") {
  const QueuePlace place;
  put_apart(place, {"a"});
  Party one(place);
  Party idle(place);
  (void)idle.self();
  one.hold();
  Party party(place);
  auto others = party.locked([&] { return party.holders.others(); });
  require(others.size() == 1);
  check_equal(others[0].pid, ::getpid());
  check(!others[0].can_be_watched, "it does not expect to hold it for long");
  one.holders.expect_to_hold();
  for (int i = 0; i < 2; ++i) check_equal(one.self(), one.holders.registered());
  others = party.locked([&] { return party.holders.others(); });
  require(others.size() == 1);
  check(others[0].can_be_watched);
  check_equal(others[0].serial, party.store->holder(one.holders.registered()).serial);
  check(one.locked([&] { return one.holders.others(); }).empty(), "not oneself");
}

TEST("one of another pid namespace cannot be watched") {
  const QueuePlace place;
  put_apart(place, {"a"});
  Party one(place);
  one.holders.expect_to_hold();
  one.hold();
  one.locked([&] { one.store->holder(1).pid_space += 1; });
  Party party(place);
  const auto others = party.locked([&] { return party.holders.others(); });
  require(others.size() == 1);
  check(!others[0].can_be_watched);
}

TEST("what was not committed was no registration, and it is made anew") {
  const QueuePlace place;
  Party one(place);
  {
    const Section section(*one.store);
    (void)one.holders.self();
  }
  check_equal(one.store->header().active, 0U);
  Party two(place);
  const Number second = two.self();
  const Number first = one.self();
  check(first != second);
  check_equal(one.store->header().active, 2U);
  check(one.store->holder(first).pid != 0);
  check(one.store->holder(first).serial != one.store->holder(second).serial);
  one.check_sound();
}

TEST("many holders at the same time have each an entry of their own") {
  const QueuePlace place;
  std::vector<std::unique_ptr<Party>> parties;
  std::vector<Number> numbers;
  for (int i = 0; i < 150; ++i) {
    parties.push_back(std::make_unique<Party>(place));
    numbers.push_back(parties.back()->self());
  }
  std::ranges::sort(numbers);
  check(std::ranges::adjacent_find(numbers) == numbers.end());
  check_equal(numbers.back(), 150U);
  parties.back()->check_sound();
  parties.erase(parties.begin(), parties.begin() + 100);
  check(!parties.back()->bury_dead());
  check_equal(parties.back()->store->header().active, 50U);
}
