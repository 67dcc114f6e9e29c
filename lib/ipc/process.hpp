#pragma once
/// Children: how they start, and how they are watched, signalled and reaped.
///
/// spawn() makes the child by clone(CLONE_VM | CLONE_VFORK): it borrows this process's memory until its exec,
/// so that starting costs the same from a heap of any size, and an exec that fails is told through a variable.
/// A close-on-exec pipe would tell no more and cost four system calls a job. The caller must have no signal
/// handlers installed (the suite reads signals from a descriptor), because one could run in the child.

#include <sys/resource.h>
#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <utility>

#include "ipc/exit_status.hpp"
#include "ipc/fd.hpp"

namespace ipc {

/// What a child is to be. Everything pointed to is borrowed until spawn() returns.
struct SpawnPlan {
  const char* path = nullptr;  ///< of the program, looked up already
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  int standard[3] = {0, 1, 2};         ///< what becomes descriptors 0, 1 and 2
  int lent = -1;                       ///< one more descriptor, which the child gets under the same number
  bool pass_others = false;            ///< those that this process was started with go along too, else none
  int directory = -1;                  ///< a directory to begin in
  int nice = 0;                        ///< added to the nice value
  const rlimit* open_files = nullptr;  ///< RLIMIT_NOFILE for the child
  const sigset_t* mask = nullptr;      ///< the child's signal mask
  bool ignore_child_signal = false;    ///< SIGCHLD ignored, as this process found it
  std::atomic<pid_t>* announcement = nullptr;  ///< gets the process group before the exec: a Guard's slot
};

/// Owns one child that leads its own process group and dies by SIGKILL when this process does (PDEATHSIG).
/// Not reaped before reap(), so that its pid and group cannot become anybody else's.
/// Destruction of one that was not reaped kills its group and waits.
class Process {
 public:
  struct Report {
    Ending ending;
    rusage usage{};
  };

  Process() noexcept = default;
  Process(pid_t pid, Fd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
  Process(Process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)), report_(other.report_) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(report_, other.report_);
    return *this;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] explicit operator bool() const noexcept { return pid_ != 0; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable from the moment the child has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  /// To every member of the child's group, and to the child when it has left that; nobody there is no error.
  void signal_group(int signal) const noexcept;

  /// Waits until the child has ended and its report is there: a tracer can hold that back when the pidfd has told
  /// of the end already.
  void await() noexcept;

  /// Nothing while the child runs. Afterwards this object owns nothing.
  [[nodiscard]] std::optional<Report> reap() noexcept;

  /// The child runs, or has ended and others are left in its group. The kernel wakes nobody when a group empties, so
  /// this must be asked again. Takes the child's report first, for reap(): from then on only the others keep the
  /// group's number from being used again. Reaps those of the group that adopt_orphans() has brought.
  [[nodiscard]] bool has_family() noexcept;

 private:
  [[nodiscard]] bool collect(int options) noexcept;

  pid_t pid_ = 0;
  Fd pidfd_;
  std::optional<Report> report_;  ///< once the child itself has been reaped
};

/// What became of a spawn(): a running process, or the step that failed and its errno.
struct Spawned {
  enum class Step { none, clone, directory, nice, exec };
  Process process;
  Step failed = Step::none;
  int errnum = 0;
};

/// Makes this process the one that orphaned descendants go to, so that has_family() need not wait for init to reap
/// them, which in many containers it never does. Best effort; nothing where the system has no such thing.
void adopt_orphans(bool adopt) noexcept;

/// Returns once the child has executed its program or failed to. Never throws, leaves nothing behind on failure.
/// EAGAIN, ENOMEM and EMFILE from Step::clone are worth another try once something has ended.
[[nodiscard]] Spawned spawn(const SpawnPlan& plan) noexcept;

}  // namespace ipc
