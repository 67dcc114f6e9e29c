#pragma once
/// --tty: the controlling terminal, lent to one job at a time.

#include <sys/types.h>

#include <csignal>

#include "ipc/fd.hpp"

class Terminal {
 public:
  /// Throws ipc::UsageError when there is no controlling terminal. Blocks SIGTTOU for its life, so that ppool may
  /// take the terminal back while it is in the background.
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] int descriptor() const noexcept { return terminal_.get(); }
  void give(pid_t group) noexcept;
  /// The job's group has just become the foreground, by its own doing.
  void lent(pid_t group) noexcept { lent_ = group; }
  /// From the job that has it; does nothing when somebody else (the shell) has.
  void take_back() noexcept;
  /// ppool's own process group is the one in the foreground.
  [[nodiscard]] bool is_ours() const noexcept;

 private:
  ipc::Fd terminal_;
  sigset_t before_{};
  pid_t lent_ = 0;
};
