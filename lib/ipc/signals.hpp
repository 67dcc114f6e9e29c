#pragma once
/// Signals as data: blocked for the life of the queue and read from a descriptor, so that none interrupts
/// anything and no code ever runs in a handler. One queue a process; it belongs to the main thread.

#include <csignal>
#include <initializer_list>
#include <optional>

#include "ipc/fd.hpp"

namespace ipc {

class SignalQueue {
 public:
  /// Blocks `signals`. Those that the process was started with ignored stay ignored and are not reported
  /// (a shell's background jobs and nohup mean it so), SIGCHLD alone excepted. Throws Error.
  explicit SignalQueue(std::initializer_list<int> signals);
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;
  /// Gives back the mask; signals still pending act then, but for those that failed writes have caused.
  ~SignalQueue();

  /// Readable when a signal is pending.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The next pending signal, if there is one.
  [[nodiscard]] std::optional<int> next() noexcept;

  /// Leaves the signals blocked when the queue ends: for a process that is about to exit, with a status that a late
  /// signal must not replace.
  void stay_blocked() noexcept { stays_blocked_ = true; }

  /// What children should start with: the mask and the ignored SIGCHLD that this process was given.
  [[nodiscard]] const sigset_t& inherited_mask() const noexcept { return inherited_; }
  [[nodiscard]] bool child_signal_was_ignored() const noexcept { return child_signal_was_ignored_; }

 private:
  sigset_t inherited_{};
  bool child_signal_was_ignored_ = false;
  bool stays_blocked_ = false;
  Fd fd_;
};

/// Lets `signal` do to this process what it does by default: stops it (and returns after SIGCONT), or ends it.
/// Returns at once where the kernel drops the signal, as it does a SIGTSTP in an orphaned process group.
void suffer_signal(int signal) noexcept;

/// Ends this process by `signal`, without a core; never returns.
[[noreturn]] void die_of_signal(int signal) noexcept;

}  // namespace ipc
