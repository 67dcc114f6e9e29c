#pragma once
/// A point on the monotonic clock: what waits for it survives EINTR and changes of the wall clock.

#include <compare>
#include <cstdint>
#include <ctime>
#include <limits>

#include "ipc/duration.hpp"

namespace ipc {

class Deadline {
 public:
  /// Never reached.
  constexpr Deadline() noexcept = default;

  [[nodiscard]] static Deadline now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return Deadline(std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec);
  }
  /// `span` from now; one too far away to be told is never.
  [[nodiscard]] static Deadline after(Duration span) noexcept { return now() + span; }
  [[nodiscard]] static constexpr Deadline never() noexcept { return {}; }
  /// Reached already, without a look at the clock.
  [[nodiscard]] static constexpr Deadline past() noexcept { return Deadline(0); }

  [[nodiscard]] Deadline operator+(Duration span) const noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(at_, span.count(), &sum)) return never();
    return Deadline(sum);
  }
  [[nodiscard]] Duration operator-(Deadline other) const noexcept { return Duration(at_ - other.at_); }
  auto operator<=>(const Deadline&) const noexcept = default;

  [[nodiscard]] bool is_never() const noexcept { return at_ == std::numeric_limits<std::int64_t>::max(); }

  /// For timer_settime() and the like, on CLOCK_MONOTONIC. Not of never.
  [[nodiscard]] timespec time() const noexcept {
    return {static_cast<std::time_t>(at_ / 1'000'000'000), static_cast<long>(at_ % 1'000'000'000)};
  }

  /// For epoll_wait(): milliseconds from `now`, rounded up, 0 when past, -1 for never.
  [[nodiscard]] int poll_timeout(Deadline now) const noexcept {
    if (is_never()) return -1;
    if (at_ <= now.at_) return 0;
    const std::int64_t ms = (at_ - now.at_ + 999'999) / 1'000'000;
    return ms > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max() : static_cast<int>(ms);
  }

 private:
  constexpr explicit Deadline(std::int64_t at) noexcept : at_(at) {}
  std::int64_t at_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace ipc
