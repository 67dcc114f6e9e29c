#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/pipe.hpp"
#include "ipc/wall_timer.hpp"
#include "latch.hpp"
#include "queue/append.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::Stop;
using std::chrono::hours;
using std::chrono::milliseconds;

const Deadline kNow = Deadline::past();

}  // namespace

TEST("waiting ends at the deadline") {
  const QueuePlace place(bounded(1));
  const auto queue = place.open();
  check_equal(queue->take(1, Deadline::after(milliseconds(20)), {}).stop, Stop::empty);
  put(*queue, {"a"});
  check_equal(try_put(*queue, {"b"}, Deadline::after(milliseconds(20))).stop, Stop::full);
  check_equal(queue->join(Deadline::after(milliseconds(20)), {}), Stop::empty);
}

TEST("and when a watched descriptor has something to say") {
  const QueuePlace place(bounded(1));
  const auto queue = place.open();
  ipc::Pipe pipe = ipc::Pipe::create();
  pipe.write_end.reset();
  pollfd watched{pipe.read_end.get(), POLLIN, 0};
  check_equal(queue->take(1, soon(), {&watched, 1}).stop, Stop::watched);
  check((watched.revents & POLLHUP) != 0);
  put(*queue, {"a"});
  const std::string_view text = "b";
  check_equal(queue->put({&text, 1}, {}, soon(), {&watched, 1}).stop, Stop::watched);
  check_equal(queue->join(soon(), {&watched, 1}), Stop::watched);
}

TEST("a getter that waits has what is put") {
  const QueuePlace place;
  Child getter([&] {
    const auto queue = place.open();
    return texts_of(queue->take(1, soon(), {})) == Texts({"late"}) ? (queue->settle(1), 0) : 1;
  });
  check(eventually([&] { return place.has_listener("bell-get"); }));
  const auto queue = place.open();
  put(*queue, {"late"});
  check_equal(getter.wait().status(), 0);
  check_equal(queue->size().messages, 0U);
}

TEST("a getter that waits has what becomes due") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"later"}, with_delay(hours(1)));
  put(*queue, {"due"}, with_delay(milliseconds(30)));
  check_equal(queue->take(1, kNow, {}).stop, Stop::empty);
  check(texts_of(queue->take(1, soon(), {})) == Texts({"due"}));
  queue->settle(1);
  check_equal(queue->stat().delayed, 1U);
  check_sound(*queue);
}

TEST("a getter that waits has what a killed one held, and its try has counted") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"a", "b"});
  Latch holds;
  Child holder([&] {
    const auto own = place.open();
    (void)own->take(2, kNow, {});
    holds.open();
    for (;;) ::pause();
    return 0;
  });
  require(holds.wait());
  Child getter([&] {
    const auto own = place.open();
    const auto& batch = own->take(2, soon(), {});
    if (texts_of(batch) != Texts({"a", "b"}) || batch.messages[0].attempt != 2) return 1;
    own->settle(2);
    return 0;
  });
  check(eventually([&] { return place.has_listener("bell-get"); }));
  ::kill(holder.pid(), SIGKILL);
  check_equal(getter.wait().status(), 0);
  (void)holder.wait();
  check_equal(queue->stat().leased, 0U);
  check_sound(*queue);
}

TEST("more than a few that are due at once, among many that are not") {
  const QueuePlace place;
  const auto queue = place.open();
  constexpr std::size_t kMany = 33000;
  constexpr std::uint64_t kDue = 200;
  {
    const auto store = place.store();
    queue::Section section(*store);
    queue::Runs runs(*store);
    const std::int64_t now = ipc::wall_time();
    queue::RecordBatch batch;
    for (std::size_t i = 0; i < kMany; ++i) {
      store->reserve_runs(1);
      store->reserve_timers(1);
      batch.clear();
      batch.add({}, {}, "x");
      const auto extent = queue::Appender(*store).append(batch, 0, 1);
      store->journal().add(store->header().next_id, 1);
      runs.delay(runs.make(extent, 0, 0), i < kDue ? now - 1 : now + 3'600'000'000'000 + static_cast<int>(i),
                 false);
      section.commit();
    }
  }
  check_equal(take(*queue).size(), kDue);
  check_equal(queue->stat().delayed, kMany - kDue);
}
