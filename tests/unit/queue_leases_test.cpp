#include <poll.h>

#include "child.hpp"
#include "eventually.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::FileQueue;
using queue::Stop;
using std::chrono::hours;
using std::chrono::milliseconds;

const Deadline kNow = Deadline::past();

}  // namespace

TEST("one message at a time: done, given back, given back for later") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "b", "c"});
  const auto first = queue->lease_one();
  check_equal(first.message.bytes, "a");
  check_equal(first.message.attempt, 1U);
  check(queue->give_back(first.lease, {}, true));
  check(!queue->give_back(first.lease, {}, true), "it ended with that");
  check(!queue->done(first.lease));
  const auto again = queue->lease_one();
  check_equal(again.message.bytes, "a", "it is at the front");
  check_equal(again.message.attempt, 2U);
  check(queue->give_back(again.lease, hours(1), true));
  check_equal(queue->stat().delayed, 1U);
  const auto second = queue->lease_one();
  check_equal(second.message.bytes, "b");
  check(queue->give_back(second.lease, {}, false));
  const auto unharmed = queue->lease_one();
  check_equal(unharmed.message.bytes, "b");
  check_equal(unharmed.message.attempt, 1U, "no try");
  check(queue->done(unharmed.lease));
  check(!queue->done(unharmed.lease), "not twice");
  check_equal(queue->stat().gets, 1U);
  check_sound(*queue);
}

TEST("what comes back after a delay goes to the front of its priority") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "b"});
  const auto leased = queue->lease_one();
  check(queue->give_back(leased.lease, milliseconds(1), true));
  check(eventually([&] { return queue->stat().queued == 2; }));
  check(take(*queue) == Texts({"a", "b"}));
}

TEST("a lease stays good in another process, as text") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "b"});
  const auto leased = queue->lease_for(hours(1), kNow, {});
  const std::string text = FileQueue::lease_text(leased.lease);
  check_equal(in_child([&] {
                const auto lease = FileQueue::parse_lease(text);
                return lease && place.open()->done(*lease) ? 0 : 1;
              }).status(),
              0);
  check(!queue->done(leased.lease));
  check(seen(*queue) == Texts({"b"}));
}

TEST("what is no lease is none") {
  for (const char* text :
       {"", "-", "1", "1-", "-1", "1-0", "1-2x", "x1-2", "1 -2", "1-2-3", "99999999999-1"}) {
    check(!FileQueue::parse_lease(text), text);
  }
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a"});
  const auto leased = queue->lease_one();
  check(!queue->done({leased.lease.run, leased.lease.serial + 1}));
  check(!queue->done({leased.lease.run, 0}));
  check(queue->done({leased.lease.run + 1000000, leased.lease.serial}), "the number of the run is a hint");
}

TEST("a lease that nobody ends comes back at its time, and its try has counted") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "b"});
  const auto leased = queue->lease_for(milliseconds(20), kNow, {});
  check_equal(leased.message.bytes, "a");
  check(take(*queue, 1) == Texts({"b"}));
  const auto& batch = queue->take(1, soon(), {});
  require(batch.messages.size() == 1);
  check_equal(batch.messages[0].bytes, "a");
  check_equal(batch.messages[0].attempt, 2U);
  check(!queue->done(leased.lease));
  queue->settle(1);
  check_sound(*queue);
}

TEST("a lease ends with the process that has it") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a"});
  check_equal(in_child([&] {
                auto* own = place.open().release();
                return own->lease_one().stop == Stop::none ? 0 : 1;
              }).status(),
              0);
  const auto leased = queue->lease_one();
  check_equal(leased.message.bytes, "a");
  check_equal(leased.message.attempt, 2U);
}

TEST("a message goes to the dead letters with what became of it") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "bad"}, with_priority(3));
  check(queue->done(queue->lease_one().lease));
  check(queue->has_dead_letters());
  check(queue->dead_letters() == nullptr);
  const auto leased = queue->lease_one();
  check(queue->bury(leased.lease, {128 + 9, 4, "killed"}));
  check(!queue->bury(leased.lease, {1, 1, ""}), "not twice");
  const auto dead = queue->dead_letters();
  require(dead != nullptr);
  check(!dead->has_dead_letters());
  check_equal(queue->stat().dead, 1U);
  const auto& batch = dead->take(5, kNow, {});
  require(batch.messages.size() == 1);
  check_equal(batch.messages[0].bytes, "bad");
  check_equal(batch.messages[0].priority, 3);
  require(batch.messages[0].death.has_value());
  check_equal(batch.messages[0].death->status, 137);
  check_equal(batch.messages[0].death->attempts, 4U);
  check_equal(batch.messages[0].death->error, "killed");
  dead->settle(1);
  check_equal(queue->stat().dead, 0U);
  check_sound(*queue);
  check_sound(*dead);
}

TEST("wake_descriptor tells of a message for one that takes them singly") {
  const QueuePlace place;
  const auto queue = place.open();
  check_equal(queue->lease_one().stop, Stop::empty);
  pollfd wake{queue->wake_descriptor(), POLLIN, 0};
  check_equal(::poll(&wake, 1, 0), 0);
  put(*place.open(), {"a"});
  check_equal(::poll(&wake, 1, 20000), 1);
  check_equal(queue->lease_one().message.bytes, "a");
  queue->stop_waiting();
}
