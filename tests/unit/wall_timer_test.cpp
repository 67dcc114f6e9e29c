#include "ipc/wall_timer.hpp"

#include <poll.h>

#include <ctime>
#include <utility>

#include "descriptors.hpp"
#include "ipc/deadline.hpp"
#include "tap.hpp"

namespace {

using ipc::wall_time;
using ipc::WallTimer;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * 1000 * kMillisecond;

bool is_ready(const WallTimer& timer, int timeout = 0) {
  pollfd one{timer.descriptor(), POLLIN, 0};
  return ::poll(&one, 1, timeout) == 1 && (one.revents & POLLIN) != 0;
}

}  // namespace

TEST("the time is that of the wall clock") {
  const std::int64_t before = std::time(nullptr);
  const std::int64_t now = wall_time();
  check(now / 1'000'000'000 >= before);
  check(now / 1'000'000'000 <= std::time(nullptr) + 1);
  check(wall_time() >= now);
}

TEST("a timer that was not set is not ready") {
  const WallTimer timer;
  check(!is_ready(timer));
  check(closes_on_exec(timer.descriptor()));
}

TEST("it is ready at its time, and not before") {
  WallTimer timer;
  const std::int64_t at = wall_time() + 30 * kMillisecond;
  timer.set(at);
  check(is_ready(timer, 20000));
  check(wall_time() >= at);
  check(is_ready(timer), "and stays so");
}

TEST("a time that is over is now, also one before the epoch, and 0") {
  for (const std::int64_t at : {wall_time() - kHour, std::int64_t{1}, std::int64_t{0}, -kHour}) {
    WallTimer timer;
    timer.set(at);
    check(is_ready(timer, 20000), std::to_string(at));
  }
}

TEST("the last time counts") {
  WallTimer timer;
  timer.set(wall_time() - 1);
  check(is_ready(timer, 20000));
  timer.set(wall_time() + kHour);
  check(!is_ready(timer));
  timer.set(wall_time() + kMillisecond);
  check(is_ready(timer, 20000));
}

TEST("after clear() it is not ready until it is set again") {
  WallTimer timer;
  timer.set(wall_time() - 1);
  check(is_ready(timer, 20000));
  timer.clear();
  check(!is_ready(timer));
  timer.clear();
  check(!is_ready(timer));
  timer.set(1);
  check(is_ready(timer, 20000));
}

TEST("each timer is one by itself") {
  WallTimer one;
  WallTimer two;
  two.set(1);
  check(is_ready(two, 20000));
  check(!is_ready(one));
}
