#pragma once
/// The exit statuses that all tools share, and how a child's wait status maps to them.

#include <sys/wait.h>

namespace ipc {

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitNo = 1;            ///< busy, empty, no match, a job failed
inline constexpr int kExitUsage = 2;         ///< a usage error, or a system failure before anything started
inline constexpr int kExitClosed = 3;        ///< the queue is closed and drained, the peer is gone
inline constexpr int kExitTimeout = 124;     ///< the time of -t, --timeout or -w ran out
inline constexpr int kExitToolFailed = 125;  ///< the tool itself failed, once started
inline constexpr int kExitCannotExec = 126;  ///< COMMAND could not be executed
inline constexpr int kExitNotFound = 127;    ///< COMMAND was not found
inline constexpr int kExitSignal = 128;      ///< plus the number of the signal that ended COMMAND

/// How a process ended: its exit code, or the signal that killed it (then code is 0).
struct Ending {
  int code = 0;
  int signal = 0;

  [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
  /// As the shell's $? shows it: N, or 128+SIGNAL.
  [[nodiscard]] int status() const noexcept { return signal != 0 ? kExitSignal + signal : code; }
};

/// From what wait4() stored for a process that has ended.
[[nodiscard]] inline Ending ending_of(int wait_status) noexcept {
  if (WIFSIGNALED(wait_status)) return {0, WTERMSIG(wait_status)};
  return {WEXITSTATUS(wait_status), 0};
}

}  // namespace ipc
