#pragma once
/// Ends system calls that wait and know no deadline: a signal interrupts those of the calling thread, again and again,
/// since a lone one could come just before the call begins to wait, and be lost.
///
/// The signal is SIGRTMAX, by which nobody else means anything, as by SIGALRM; its disposition and its place in the mask
/// are as before at the end. No other thread may do the same at the same time, or have that signal unblocked. One of
/// these may begin and end within the life of another.

#include <sys/types.h>

#include <csignal>

#include "ipc/deadline.hpp"

namespace ipc {

/// While it lives, strike() interrupts the thread that has made it, and does nothing else to it.
class Interruptible {
 public:
  /// How long to wait before the next strike.
  static constexpr Duration kRepeat = std::chrono::milliseconds(5);

  Interruptible() noexcept;
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  /// Nobody may strike any more.
  ~Interruptible();

  /// From any thread.
  void strike() const noexcept;
  [[nodiscard]] pid_t thread() const noexcept { return thread_; }

 private:
  pid_t thread_;
  struct sigaction action_before_ {};
  sigset_t mask_before_{};
};

/// While it lives, system calls of the thread that has made it are interrupted from `deadline` on.
class Alarm {
 public:
  /// `deadline`: not never. Throws Error.
  explicit Alarm(Deadline deadline);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm();

 private:
  Interruptible interruptible_;
  int timer_ = 0;
};

}  // namespace ipc
