#include "ipc/signals.hpp"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"

namespace ipc {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

void set_default(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

SignalQueue::SignalQueue(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    if (signal == SIGCHLD) {
      // Ignored, it would have the kernel reap our children behind our back.
      child_signal_was_ignored_ = is_ignored(SIGCHLD);
      if (child_signal_was_ignored_) set_default(SIGCHLD);
    } else if (is_ignored(signal)) {
      continue;
    }
    sigaddset(&set, signal);
  }
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw_errno("", "signalfd");
  ::sigprocmask(SIG_BLOCK, &set, &inherited_);
}

SignalQueue::~SignalQueue() {
  if (stays_blocked_) return;
  // What a failed write left pending must not kill a process that has already dealt with the failure.
  sigset_t of_writes;
  sigemptyset(&of_writes);
  sigaddset(&of_writes, SIGPIPE);
  sigaddset(&of_writes, SIGXFSZ);
  const timespec at_once{};
  while (::sigtimedwait(&of_writes, nullptr, &at_once) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &inherited_, nullptr);
}

std::optional<int> SignalQueue::next() noexcept {
  signalfd_siginfo info;
  for (;;) {
    const ssize_t n = ::read(fd_.get(), &info, sizeof info);
    if (n == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (n >= 0 || errno != EINTR) return std::nullopt;
  }
}

void suffer_signal(int signal) noexcept {
  struct sigaction inherited {};
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  ::sigaction(signal, &plain, &inherited);
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, signal);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &set, &before);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::sigaction(signal, &inherited, nullptr);
}

void die_of_signal(int signal) noexcept {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  suffer_signal(signal);
  ::_exit(kExitSignal + signal);
}

}  // namespace ipc
