#pragma once
/// A descriptor that becomes readable at a time of the wall clock, also when somebody sets that clock: for times that
/// outlive a process. Where they do not, Deadline is right.

#include <cstdint>

#include "ipc/duration.hpp"
#include "ipc/fd.hpp"

namespace ipc {

class WallTimer {
 public:
  /// Throws Error.
  WallTimer();

  /// Readable from `at` on (nanoseconds since the epoch), or from when the clock is set: look again then.
  void set(std::int64_t at);
  /// Readable no more, until it is set again.
  void clear();
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

/// Nanoseconds since the epoch.
[[nodiscard]] std::int64_t wall_time() noexcept;
/// `span` later; the last time there is (in the year 2262) where that would be beyond it.
[[nodiscard]] std::int64_t wall_time_after(Duration span) noexcept;

}  // namespace ipc
