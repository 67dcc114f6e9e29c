#include "child.hpp"
#include "eventually.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::FileQueue;
using queue::Shape;
using queue::Stop;

const Deadline kNow = Deadline::past();

}  // namespace

TEST("a bound on messages counts those that wait, not those that are leased") {
  const QueuePlace place(bounded(3));
  const auto queue = place.open();
  auto result = try_put(*queue, numbered(5));
  check_equal(result.count, 3U);
  check_equal(result.stop, Stop::full);
  check(queue->size().full);
  check_equal(try_put(*queue, {"more"}).count, 0U);
  (void)queue->take(1, kNow, {});
  check(!queue->size().full, "what is leased takes no place");
  check_equal(try_put(*queue, {"more"}).count, 1U);
  queue->settle(0);
  check_equal(queue->size().messages, 4U, "what goes back comes in all the same");
  check_equal(try_put(*queue, {"more"}).stop, Stop::full);
}

TEST("a bound on bytes lets in what fits") {
  const QueuePlace place(bounded(0, 10));
  const auto queue = place.open();
  const auto result = try_put(*queue, {"1234", "1234", "123"});
  check_equal(result.count, 2U);
  check_equal(result.stop, Stop::full);
  check_equal(try_put(*queue, {"", "12", ""}).count, 3U);
  check(queue->size().full);
  check_equal(try_put(*queue, {"x"}).stop, Stop::full);
  check_equal(try_put(*queue, {"12345678901"}).stop, Stop::too_large);
}

TEST("a message that is too large ends a put, and those before it are there") {
  Shape shape;
  shape.max_message = 5;
  const QueuePlace place(shape);
  const auto queue = place.open();
  const auto result = try_put(*queue, {"12345", "", "123456", "7"});
  check_equal(result.count, 2U);
  check_equal(result.stop, Stop::too_large);
  check_equal(queue->size().messages, 2U);
}

TEST("a put waits for room, and goes on as there is some") {
  const QueuePlace place(bounded(2));
  const auto queue = place.open();
  Child putter([&] {
    const auto result = try_put(*place.open(), numbered(5), soon());
    return result.count == 5 && result.stop == Stop::none ? 0 : 1;
  });
  Texts got;
  while (got.size() < 5) {
    const Texts some = texts_of(queue->take(1, soon(), {}));
    require(some.size() == 1);
    got.push_back(some[0]);
    queue->settle(1);
  }
  check_equal(putter.wait().status(), 0);
  check(got == numbered(5));
  check_sound(*queue);
}

TEST("a put that waits is told when the queue is closed, and when it is removed") {
  for (const bool removed : {false, true}) {
    const QueuePlace place(bounded(1));
    const auto queue = place.open();
    put(*queue, {"a"});
    Child putter([&] {
      const auto result = try_put(*place.open(), {"b"}, soon());
      return result.stop == (removed ? Stop::removed : Stop::closed) ? 0 : 1;
    });
    check(eventually([&] { return place.has_listener("bell-put"); }));
    if (removed) {
      check_equal(FileQueue::remove(place.path(), false), FileQueue::Removal::removed);
    } else {
      queue->close(false);
    }
    check_equal(putter.wait().status(), 0);
  }
}
