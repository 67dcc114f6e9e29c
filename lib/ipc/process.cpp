#include "ipc/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

// The child runs on a stack that lies in an array of its parent's, where shadow memory would go stale.
#define IPC_UNSANITIZED __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

// ThreadSanitizer takes a clone() that it sees for a fork, and believes in no lock afterwards, in the parent either.
#ifdef __SANITIZE_THREAD__
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define IPC_CLONE __clone
#else
#define IPC_CLONE ::clone
#endif

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace ipc {
namespace {

/// Shared by parent and child until the exec.
struct Birth {
  const SpawnPlan* plan;
  pid_t parent;
  volatile int errnum;
  volatile Spawned::Step failed;
};

IPC_UNSANITIZED void hide_other_descriptors() noexcept {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Before Linux 5.9 there is only the long way.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const int end = limit.rlim_cur < 65536 ? static_cast<int>(limit.rlim_cur) : 65536;
  for (int fd = 3; fd < end; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// A source among 0, 1, 2 could be overwritten before its turn: those move out of the way first.
IPC_UNSANITIZED void place_standard_descriptors(const int (&standard)[3]) noexcept {
  int source[3];
  for (int i = 0; i < 3; ++i) {
    const bool in_the_way = standard[i] < 3 && standard[i] != i;
    source[i] = in_the_way ? ::fcntl(standard[i], F_DUPFD_CLOEXEC, 3) : standard[i];
  }
  for (int i = 0; i < 3; ++i) {
    if (source[i] != i) ::dup2(source[i], i);
  }
}

/// Ctrl-Z in the moment before the child left its parent's group has reached both. It would stop the child before its
/// exec, for which the parent waits; the parent has got it too, and will deal with it.
IPC_UNSANITIZED void forget_stops() noexcept {
  sigset_t pending;
  ::sigpending(&pending);
  for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) {
    if (sigismember(&pending, signal) != 1) continue;
    struct sigaction ignore {};
    struct sigaction inherited {};
    ignore.sa_handler = SIG_IGN;  // which drops what is pending
    ::sigaction(signal, &ignore, &inherited);
    ::sigaction(signal, &inherited, nullptr);
  }
}

IPC_UNSANITIZED void restore_signals(const SpawnPlan& plan) noexcept {
  if (plan.ignore_child_signal) {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGCHLD, &action, nullptr);
  }
  if (plan.mask != nullptr) ::sigprocmask(SIG_SETMASK, plan.mask, nullptr);
}

IPC_UNSANITIZED Spawned::Step prepare(const SpawnPlan& plan) noexcept {
  if (plan.directory >= 0 && ::fchdir(plan.directory) != 0) return Spawned::Step::directory;
  errno = 0;
  if (plan.nice != 0 && ::nice(plan.nice) == -1 && errno != 0) return Spawned::Step::nice;
  // All of our own are close-on-exec.
  if (!plan.pass_others) hide_other_descriptors();
  if (plan.lent >= 0) ::fcntl(plan.lent, F_SETFD, 0);
  place_standard_descriptors(plan.standard);
  // Last: a lower limit would stand in the way of the copies.
  if (plan.open_files != nullptr) ::setrlimit(RLIMIT_NOFILE, plan.open_files);
  return Spawned::Step::none;
}

/// Runs in the child, in the parent's memory: async-signal-safe calls only, and no return.
IPC_UNSANITIZED int be_born(void* argument) noexcept {
  auto& birth = *static_cast<Birth*>(argument);
  const SpawnPlan& plan = *birth.plan;
  ::setpgid(0, 0);
  if (plan.announcement != nullptr) plan.announcement->store(::getpid());
  // A parent that died before the prctl() would never be missed: look once more.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != birth.parent) ::_exit(kExitSignal + SIGKILL);
  Spawned::Step failed = prepare(plan);
  if (failed == Spawned::Step::none) {
    forget_stops();
    restore_signals(plan);
    ::execve(plan.path, plan.argv, plan.envp);
    failed = Spawned::Step::exec;
  }
  birth.errnum = errno;
  birth.failed = failed;
  ::_exit(kExitNotFound);
}

pid_t wait_for(pid_t pid, int* status, int flags, rusage* usage) noexcept {
  for (;;) {
    const pid_t result = ::wait4(pid, status, flags, usage);
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

Process::~Process() {
  if (pid_ == 0) return;
  signal_group(SIGKILL);
  if (!report_) wait_for(pid_, nullptr, 0, nullptr);
}

void Process::signal_group(int signal) const noexcept {
  ::kill(-pid_, signal);
  // Its number is its own until it has been reaped.
  if (!report_ && ::getpgid(pid_) != pid_) ::kill(pid_, signal);
}

bool Process::collect(int options) noexcept {
  if (report_) return true;
  int status = 0;
  Report report;
  const pid_t reaped = wait_for(pid_, &status, options, &report.usage);
  if (reaped == 0) return false;
  // Somebody else has reaped it: how it ended is not known, and unknown is no success.
  report.ending = reaped > 0 ? ending_of(status) : Ending{kExitToolFailed, 0};
  report_ = report;
  return true;
}

void Process::await() noexcept { static_cast<void>(collect(0)); }

std::optional<Process::Report> Process::reap() noexcept {
  if (!collect(WNOHANG)) return std::nullopt;
  pid_ = 0;
  pidfd_.reset();
  return std::exchange(report_, std::nullopt);
}

bool Process::has_family() noexcept {
  if (!collect(WNOHANG)) return true;
  while (wait_for(-pid_, nullptr, WNOHANG, nullptr) > 0) {
  }
  return ::kill(-pid_, 0) == 0;
}

void adopt_orphans(bool adopt) noexcept { ::prctl(PR_SET_CHILD_SUBREAPER, adopt ? 1 : 0); }

Spawned spawn(const SpawnPlan& plan) noexcept {
  constexpr std::size_t kStack = 32 * 1024;
  alignas(64) std::byte stack[kStack];
  Birth birth{&plan, ::getpid(), 0, Spawned::Step::none};
  int pidfd = -1;
  const pid_t pid =
      IPC_CLONE(be_born, stack + kStack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, &pidfd);
  Spawned result;
  if (pid < 0) {
    result.failed = Spawned::Step::clone;
    result.errnum = errno;
  } else if (birth.failed != Spawned::Step::none) {
    Fd closer(pidfd);
    wait_for(pid, nullptr, 0, nullptr);
    result.failed = birth.failed;
    result.errnum = birth.errnum;
  } else {
    result.process = Process(pid, Fd(pidfd));
  }
  return result;
}

}  // namespace ipc
