#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <vector>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "queue/bell.hpp"
#include "queue/waiter.hpp"
#include "queue_place.hpp"
#include "tap.hpp"

namespace {

using queue::Holders;
using queue::Waiter;

constexpr std::int64_t kMillisecond = 1'000'000;

/// The bells and turns of a queue.
struct Bells {
  QueuePlace place;
  ipc::Fd directory = ipc::open_file(place.path(), O_RDONLY | O_DIRECTORY);
  std::uint64_t tickets = 0;

  [[nodiscard]] std::unique_ptr<Waiter> waiter() {
    return std::make_unique<Waiter>(directory.get(), "bell-get", "turn-get", tickets);
  }
  [[nodiscard]] std::unique_ptr<Waiter> joiner() const {
    return std::make_unique<Waiter>(directory.get(), "bell-join");
  }
  void ring(const char* name = "bell-get") const { queue::ring(directory.get(), name); }
};

bool is_awake(const Waiter& waiter, int timeout = 0) {
  pollfd one{waiter.descriptor(), POLLIN, 0};
  return ::poll(&one, 1, timeout) == 1;
}

Holders::Other holder(const Child& child, std::uint64_t serial, bool can_be_watched = true) {
  return {child.pid(), serial, can_be_watched};
}

Child sleeper() {
  return Child([] {
    for (;;) ::pause();
    return 0;
  });
}

void end(Child& child) {
  ::kill(child.pid(), SIGKILL);
  (void)child.wait();
}

}  // namespace

TEST("a ring wakes the one that waits") {
  Bells bells;
  const auto waiter = bells.waiter();
  check(waiter->begin());
  check(!waiter->sleep({}, {}));
  check(!is_awake(*waiter));
  bells.ring();
  check(is_awake(*waiter));
  check(waiter->begin(), "it looks again");
  check(!is_awake(*waiter), "and has forgotten that ring");
  waiter->end();
}

TEST("a ring between begin and sleep is not missed") {
  Bells bells;
  const auto waiter = bells.waiter();
  check(waiter->begin());
  bells.ring();
  check(!waiter->sleep({}, {}));
  check(is_awake(*waiter));
}

TEST("a ring wakes one of many, the next ring the next one") {
  Bells bells;
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(bells.waiter());
    check_equal(waiters.back()->begin(), i == 0);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t later = i + 1; later < 4; ++later) check(!is_awake(*waiters[later]));
    bells.ring();
    check(is_awake(*waiters[i]));
    for (std::size_t later = i + 1; later < 4; ++later) check(!is_awake(*waiters[later]));
    waiters[i]->end();
    if (i + 1 == 4) break;
    check(is_awake(*waiters[i + 1], 20000), "it has the turn");
    check(waiters[i + 1]->begin());
    check(!waiters[i + 1]->sleep({}, {}));
    check(!is_awake(*waiters[i + 1]));
  }
}

TEST("without a turn a ring wakes all") {
  const Bells bells;
  const auto one = bells.joiner();
  const auto two = bells.joiner();
  check(one->begin());
  check(two->begin());
  bells.ring("bell-join");
  check(is_awake(*one));
  check(is_awake(*two));
}

TEST("it wakes at a time, if it is told to, and only for that once") {
  Bells bells;
  const auto waiter = bells.waiter();
  check(waiter->begin());
  const std::int64_t at = ipc::wall_time() + 20 * kMillisecond;
  check(!waiter->sleep(at, {}));
  check(is_awake(*waiter, 20000));
  check(ipc::wall_time() >= at);
  check(waiter->begin());
  check(!waiter->sleep({}, {}));
  check(!is_awake(*waiter), "not of that any more");
}

TEST("it wakes when a holder ends, the first time it must be looked at once more") {
  Bells bells;
  const auto waiter = bells.waiter();
  Child one = sleeper();
  const Child two = sleeper();
  check(waiter->begin());
  const std::vector<Holders::Other> both{holder(one, 1), holder(two, 2)};
  check(waiter->sleep({}, both), "new ones");
  check(!waiter->sleep({}, both), "known");
  check(!is_awake(*waiter));
  end(one);
  check(is_awake(*waiter, 20000));
  // One who has ended, and whose lock somebody keeps, is looked at soon.
  check(waiter->begin());
  check(!waiter->sleep({}, both));
  check(is_awake(*waiter, 20000));
  check(waiter->begin());
  const std::vector<Holders::Other> other{holder(two, 2)};
  check(!waiter->sleep({}, other));
  check(!is_awake(*waiter), "it is forgotten");
}

TEST("holders that hold nothing more are watched no more") {
  Bells bells;
  const auto waiter = bells.waiter();
  Child one = sleeper();
  check(waiter->begin());
  const std::vector<Holders::Other> holders{holder(one, 1)};
  check(waiter->sleep({}, holders));
  check(waiter->begin());
  check(!waiter->sleep({}, {}));
  end(one);
  check(!is_awake(*waiter));
}

TEST("the same process in another registration is new") {
  Bells bells;
  const auto waiter = bells.waiter();
  const Child one = sleeper();
  check(waiter->begin());
  const std::vector<Holders::Other> first{holder(one, 1)};
  const std::vector<Holders::Other> second{holder(one, 7)};
  check(waiter->sleep({}, first));
  check(waiter->sleep({}, second));
  check(!waiter->sleep({}, second));
}

TEST("one that cannot be watched, or has gone already, is looked at from time to time") {
  Bells bells;
  const auto waiter = bells.waiter();
  Child gone = sleeper();
  const Holders::Other dead = holder(gone, 2);
  end(gone);
  const Child foreign = sleeper();
  for (const auto& one : {holder(foreign, 1, false), dead}) {
    check(waiter->begin());
    check(!waiter->sleep({}, {&one, 1}));
    check(is_awake(*waiter, 20000));
  }
}

TEST("a time that is asked for earlier than that counts, and a later one does not") {
  Bells bells;
  const auto waiter = bells.waiter();
  const Child foreign = sleeper();
  const auto one = holder(foreign, 1, false);
  check(waiter->begin());
  check(!waiter->sleep(ipc::wall_time() - 1, {&one, 1}));
  check(is_awake(*waiter, 20));
  check(waiter->begin());
  check(!waiter->sleep(ipc::wall_time() + 3600 * 1000 * kMillisecond, {&one, 1}));
  check(is_awake(*waiter, 20000));
}

TEST("at the end nothing wakes it, and another has the turn") {
  Bells bells;
  const auto one = bells.waiter();
  const auto two = bells.waiter();
  check(one->begin());
  check(!two->begin());
  check(!one->sleep(ipc::wall_time() + 3600 * 1000 * kMillisecond, {}));
  one->end();
  check(is_awake(*two, 20000));
  check(two->begin());
  bells.ring();
  check(!is_awake(*one));
  two->end();
  check(one->begin());
}

TEST("the death of the one that has the turn wakes another") {
  Bells bells;
  ipc::Pipe pipe = ipc::Pipe::create();
  Child first([&] {
    const auto waiter = bells.waiter();
    if (!waiter->begin()) return 1;
    (void)!::write(pipe.write_end.get(), &bells.tickets, sizeof bells.tickets);
    for (;;) ::pause();
    return 0;
  });
  require(::read(pipe.read_end.get(), &bells.tickets, sizeof bells.tickets) == sizeof bells.tickets);
  const auto second = bells.waiter();
  check(!second->begin());
  check(!is_awake(*second));
  end(first);
  check(is_awake(*second, 20000));
  check(second->begin());
}

TEST("where bell and turn are gone there is nothing to wait for, and no error") {
  Bells bells;
  const auto early = bells.waiter();
  for (const char* name : {"bell-get", "turn-get", "bell-join"}) {
    require(::unlink((bells.place.path() + "/" + name).c_str()) == 0);
  }
  check(early->begin());
  check(!early->sleep({}, {}));
  const auto late = bells.waiter();
  check(late->begin());
  check(bells.joiner()->begin());
}

TEST("who stands in line looks now and then: the one whose turn it is may be stopped") {
  Bells bells;
  const auto leader = bells.waiter();
  const auto other = bells.waiter();
  check(leader->begin());
  check(!other->begin());
  check(!is_awake(*other));
  check(is_awake(*other, 20000));
  check(!other->begin());
  check(!is_awake(*other), "again after some time");
  leader->end();
  check(is_awake(*other, 500));
  check(other->begin());
  check(!is_awake(*other), "it has the turn: it is rung for");
}
