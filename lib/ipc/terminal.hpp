#pragma once
/// The controlling terminal: which process group is in its foreground, and lending that place to a child's.
/// For tools whose COMMAND runs in a process group of its own. One a process, for the main thread.

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <utility>

#include "ipc/fd.hpp"

namespace ipc {

class Terminal {
 public:
  /// Nothing when this process has no controlling terminal. Blocks SIGTTOU until the object ends, so that the terminal
  /// can be taken back while this process is in the background. Throws Error.
  [[nodiscard]] static std::optional<Terminal> open();

  Terminal(Terminal&& other) noexcept
      : terminal_(std::move(other.terminal_)), before_(other.before_), lent_(std::exchange(other.lent_, 0)) {}
  Terminal& operator=(Terminal&&) = delete;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] int descriptor() const noexcept { return terminal_.get(); }
  /// A child gets it from its parent, after the exec: one that took it before could be stopped by the user before it
  /// has executed anything, and its parent would wait for that in vain.
  void give(pid_t group) noexcept;
  [[nodiscard]] bool is_lent() const noexcept { return lent_ != 0; }
  /// `group` is in the foreground.
  [[nodiscard]] bool is_with(pid_t group) const noexcept;
  /// From the child that has it; does nothing when somebody else (the shell) has.
  void take_back() noexcept;
  /// This process's own group is the one in the foreground.
  [[nodiscard]] bool is_ours() const noexcept;
  /// `fd` is open on this very terminal.
  [[nodiscard]] bool is_at(int fd) const noexcept;

 private:
  explicit Terminal(Fd terminal) noexcept;

  Fd terminal_;
  sigset_t before_{};
  pid_t lent_ = 0;
};

}  // namespace ipc
