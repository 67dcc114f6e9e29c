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

TEST("getters drain a closed queue, and wait for what others hold") {
  const QueuePlace place;
  const auto one = place.open();
  const auto two = place.open();
  put(*one, {"a", "b"});
  one->close(false);
  check_equal(try_put(*one, {"c"}).stop, Stop::closed);
  (void)one->take(1, kNow, {});
  check(take(*two) == Texts({"b"}));
  check_equal(two->take(1, kNow, {}).stop, Stop::empty, "a may come back");
  one->settle(0);
  check(take(*two) == Texts({"a"}));
  check_equal(two->take(1, Deadline::never(), {}).stop, Stop::closed);
}

TEST("getters that wait hear that the queue is closed and drained") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a"});
  (void)queue->take(1, kNow, {});
  std::vector<Child> getters;
  for (int i = 0; i < 3; ++i) {
    getters.emplace_back([&] { return place.open()->take(1, soon(), {}).stop == Stop::closed ? 0 : 1; });
  }
  check(eventually([&] { return place.has_listener("bell-get"); }));
  queue->close(false);
  queue->settle(1);
  for (Child& getter : getters) check_equal(getter.wait().status(), 0);
}

TEST("closing at once drops what waits and what is delayed, not what is held") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(5));
  put(*queue, {"late"}, with_delay(hours(1)));
  const auto leased = queue->lease_one();
  queue->close(true);
  check_equal(queue->size().messages, 0U);
  check_equal(queue->stat().leased, 1U);
  check(queue->done(leased.lease));
  check_equal(queue->take(1, kNow, {}).stop, Stop::closed);
  check_sound(*queue);
}

TEST("a purge drops all that is delayed, however it stands among what is lent") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(4), with_priority(9));
  const auto lend = [&](int time) { check_equal(queue->lease_for(hours(time), kNow, {}).stop, Stop::none); };
  const auto delay = [&](int time) { put(*queue, {"late"}, with_delay(hours(time))); };
  lend(1);
  delay(10);
  lend(2);
  delay(11);
  delay(12);
  lend(3);
  lend(4);
  check_equal(queue->purge(), 3U);
  check_equal(queue->size().messages, 0U);
  check_equal(queue->stat().leased, 4U);
  check_sound(*queue);
}

TEST("join waits until the last message has ended, in another process") {
  const QueuePlace place;
  const auto queue = place.open();
  check_equal(queue->join(Deadline::never(), {}), Stop::none, "nothing to wait for");
  put(*queue, {"a"});
  put(*queue, {"b"}, with_delay(milliseconds(1)));
  check_equal(queue->join(kNow, {}), Stop::empty);
  std::vector<Child> joiners;
  for (int i = 0; i < 3; ++i) {
    joiners.emplace_back([&] { return place.open()->join(soon(), {}) == Stop::none ? 0 : 1; });
  }
  check(eventually([&] { return place.has_listener("bell-join"); }));
  for (int i = 0; i < 2; ++i) {
    require(queue->take(1, soon(), {}).messages.size() == 1);
    check_equal(queue->join(kNow, {}), Stop::empty, "it is held");
    queue->settle(1);
  }
  for (Child& joiner : joiners) check_equal(joiner.wait().status(), 0);
}

TEST("join hears of a purge, of the last lease that ends, and of the queue's end") {
  for (const int how : {0, 1, 2}) {
    const QueuePlace place;
    const auto queue = place.open();
    put(*queue, {"a"});
    const auto leased = how == 1 ? queue->lease_one() : FileQueue::Leased{};
    Child joiner(
        [&] { return place.open()->join(soon(), {}) == (how == 2 ? Stop::removed : Stop::none) ? 0 : 1; });
    check(eventually([&] { return place.has_listener("bell-join"); }));
    if (how == 0) check_equal(queue->purge(), 1U);
    if (how == 1) check(queue->done(leased.lease));
    if (how == 2) check_equal(FileQueue::remove(place.path(), false), FileQueue::Removal::removed);
    check_equal(joiner.wait().status(), 0);
  }
}
