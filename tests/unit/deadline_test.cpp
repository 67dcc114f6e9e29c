#include "ipc/deadline.hpp"

#include <climits>

#include "tap.hpp"

using ipc::Deadline;
using ipc::Duration;
using namespace std::chrono_literals;

TEST("now() goes on and never back") {
  Deadline before = Deadline::now();
  for (int i = 0; i < 1000; ++i) {
    const Deadline now = Deadline::now();
    check(now >= before);
    before = now;
  }
}

TEST("now() is CLOCK_MONOTONIC") {
  timespec first{};
  timespec second{};
  ::clock_gettime(CLOCK_MONOTONIC, &first);
  const Deadline now = Deadline::now();
  ::clock_gettime(CLOCK_MONOTONIC, &second);
  const Duration since_boot = Deadline::after(0ns) - now + 0ns;
  check(since_boot >= 0ns);
  const Deadline past = now + -(std::chrono::seconds(first.tv_sec) + Duration(first.tv_nsec));
  const Deadline future = now + -(std::chrono::seconds(second.tv_sec) + Duration(second.tv_nsec));
  check((past + 0ns).poll_timeout(past) == 0);
  check(future <= past);
  check(past - future < 10s);
}

TEST("never is never reached") {
  const Deadline never = Deadline::never();
  check(never.is_never());
  check(Deadline().is_never());
  check(!Deadline::now().is_never());
  check(Deadline::now() < never);
  check_equal(never.poll_timeout(Deadline::now()), -1);
}

TEST("a span too long to be told is never") {
  check(Deadline::after(Duration::max()).is_never());
  check((Deadline::never() + 1ns).is_never());
  check(!Deadline::after(std::chrono::hours(24 * 365 * 100)).is_never());
}

TEST("differences are spans") {
  const Deadline now = Deadline::now();
  check((now + 5s) - now == 5s);
  check(now - (now + 5s) == -5s);
  check((now + 5s) + 1ns > now + 5s);
}

TEST("poll_timeout rounds up to milliseconds, so that no wait ends early") {
  const Deadline now = Deadline::now();
  check_equal(now.poll_timeout(now), 0);
  check_equal((now + 1ns).poll_timeout(now), 1);
  check_equal((now + 1ms).poll_timeout(now), 1);
  check_equal((now + 1'000'001ns).poll_timeout(now), 2);
  check_equal((now + 5s).poll_timeout(now), 5000);
  check_equal(now.poll_timeout(now + 1s), 0, "past");
  check_equal((now + std::chrono::hours(24 * 365)).poll_timeout(now), INT_MAX, "more than 24 days");
}
