#include "ipc/wall_timer.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <ctime>

#include "ipc/error.hpp"

namespace ipc {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

WallTimer::WallTimer() : fd_(::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!fd_) throw_errno("", "timer");
}

void WallTimer::set(std::int64_t at) {
  itimerspec times{};
  // A time of 0 would mean none.
  at = std::max<std::int64_t>(at, 1);
  times.it_value.tv_sec = static_cast<std::time_t>(at / kSecond);
  times.it_value.tv_nsec = static_cast<long>(at % kSecond);
  if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &times, nullptr) != 0) {
    throw_errno("set", "timer");
  }
}

void WallTimer::clear() {
  const itimerspec none{};
  if (::timerfd_settime(fd_.get(), 0, &none, nullptr) != 0) throw_errno("set", "timer");
}

std::int64_t wall_time() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return std::int64_t{t.tv_sec} * kSecond + t.tv_nsec;
}

std::int64_t wall_time_after(Duration span) noexcept {
  std::int64_t then = 0;
  const bool is_beyond = __builtin_add_overflow(wall_time(), std::int64_t{span.count()}, &then);
  return is_beyond ? std::numeric_limits<std::int64_t>::max() : then;
}

}  // namespace ipc
