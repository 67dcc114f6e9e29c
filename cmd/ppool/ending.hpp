#pragma once
/// How far the pool is on its way to the end, and why it ends.
///
///   phase      starts jobs  waits for                       entered by
///   running    yes          input, jobs, their output       -
///   draining   no           running jobs, their output      SIGUSR2 at 0, --halt soon, an unreadable input
///   ending     no           the same; KILL is due           a signal, --halt now, a reader that is gone, a failure
///   killing    no           the same                        KILL being due, or a second signal, which drops output
///
/// Jobs that wait for another try have failed once it drains, and are as if never begun once it ends.

#include <optional>

#include "ipc/exit_status.hpp"

enum class Phase { running, draining, ending, killing };

struct Ending {
  Phase phase = Phase::running;
  int signal = 0;             ///< to die of
  std::optional<int> status;  ///< to exit with, whatever became of the jobs
  bool reader_gone = false;   ///< what is still to be written has nobody to read it
  bool impatient = false;     ///< a second signal came: nothing is waited for but the jobs' death
  bool halted = false;        ///< --halt's condition was reached
  bool drained = false;       ///< by SIGUSR2
  bool reported = false;      ///< the last messages have been said, though perhaps not written yet

  /// It ends by a signal or a failure: what earlier jobs left in their groups ends, too.
  [[nodiscard]] bool ends_leftovers() const noexcept { return signal != 0 || status == ipc::kExitToolFailed; }
  /// They have until the KILL.
  [[nodiscard]] bool waits_for_leftovers(bool none_left) const noexcept {
    return phase == Phase::ending && ends_leftovers() && !none_left;
  }
  [[nodiscard]] bool is_abrupt() const noexcept { return phase == Phase::ending || phase == Phase::killing; }
};
