#include "ipc/signals.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "tap.hpp"

namespace {

using ipc::SignalQueue;

bool readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

bool is_blocked(int signal) {
  sigset_t mask;
  ::sigprocmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

}  // namespace

TEST("signals are read from the descriptor and interrupt nothing") {
  const auto ending = in_child([] {
    SignalQueue queue({SIGTERM, SIGHUP, SIGUSR1});
    if (readable(queue.fd()) || queue.next()) return 1;
    ::kill(::getpid(), SIGTERM);
    ::kill(::getpid(), SIGUSR1);
    if (!readable(queue.fd())) return 2;
    std::set<int> seen;
    while (const auto signal = queue.next()) seen.insert(*signal);
    if (seen != std::set<int>{SIGTERM, SIGUSR1}) return 3;
    return readable(queue.fd()) ? 4 : 0;
  });
  check_equal(ending.status(), 0);
}

TEST("the descriptor closes on exec and never waits") {
  SignalQueue queue({SIGUSR1});
  check(closes_on_exec(queue.fd()));
  check(!queue.next());
}

TEST("signals that were ignored stay ignored and are not reported") {
  const auto ending = in_child([] {
    ::signal(SIGINT, SIG_IGN);
    SignalQueue queue({SIGINT, SIGTERM});
    if (is_blocked(SIGINT)) return 1;
    ::kill(::getpid(), SIGINT);
    if (queue.next()) return 2;
    return ::signal(SIGINT, SIG_DFL) == SIG_IGN ? 0 : 3;
  });
  check_equal(ending.status(), 0);
}

TEST("an ignored SIGCHLD is taken back, so that children can be reaped, and is remembered") {
  const auto ending = in_child([] {
    ::signal(SIGCHLD, SIG_IGN);
    SignalQueue queue({SIGCHLD});
    if (!queue.child_signal_was_ignored()) return 1;
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(7);
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7) return 2;
    return queue.next() == SIGCHLD ? 0 : 3;
  });
  check_equal(ending.status(), 0);
  SignalQueue queue({SIGCHLD});
  check(!queue.child_signal_was_ignored());
}

TEST("the mask it found is for children, and comes back at its end") {
  const auto ending = in_child([] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ::sigprocmask(SIG_SETMASK, &set, nullptr);
    {
      SignalQueue queue({SIGTERM, SIGHUP});
      if (!is_blocked(SIGTERM) || !is_blocked(SIGHUP) || !is_blocked(SIGUSR2)) return 1;
      if (sigismember(&queue.inherited_mask(), SIGUSR2) != 1) return 2;
      if (sigismember(&queue.inherited_mask(), SIGTERM) != 0) return 3;
    }
    return !is_blocked(SIGTERM) && !is_blocked(SIGHUP) && is_blocked(SIGUSR2) ? 0 : 4;
  });
  check_equal(ending.status(), 0);
}

TEST("a signal still pending at its end acts then") {
  const auto ending = in_child([] {
    SignalQueue* queue = new SignalQueue({SIGTERM});
    ::kill(::getpid(), SIGTERM);
    delete queue;
    return 1;
  });
  check_equal(ending.signal, SIGTERM);
}

TEST("die_of_signal dies of it, blocked or handled or ignored") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1}) {
    const auto ending = in_child([signal]() -> int {
      SignalQueue queue({SIGTERM, SIGINT, SIGHUP, SIGQUIT});
      ipc::die_of_signal(signal);
    });
    check_equal(ending.signal, signal, std::to_string(signal));
  }
  const auto ending = in_child([]() -> int {
    ::signal(SIGTERM, SIG_IGN);
    ipc::die_of_signal(SIGTERM);
  });
  check_equal(ending.signal, SIGTERM, "ignored");
}

TEST("die_of_signal leaves no core, and exits where a signal does not kill") {
  int status = 0;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_CORE, &unlimited);
    ipc::die_of_signal(SIGQUIT);
  }
  require(::waitpid(pid, &status, 0) == pid);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT);
  check(!WCOREDUMP(status));
  const auto ending = in_child([]() -> int { ipc::die_of_signal(SIGCHLD); });
  check_equal(ending.status(), 128 + SIGCHLD);
}

TEST("suffer_signal stops, goes on after SIGCONT, and leaves mask and disposition as they were") {
  // In a session of its own, whose group is not orphaned as long as a parent in that session lives.
  const auto ending = in_child([] {
    ::setsid();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setpgid(0, 0);
      SignalQueue queue({SIGTSTP});
      ipc::suffer_signal(SIGTSTP);
      ::_exit(is_blocked(SIGTSTP) ? 42 : 1);
    }
    int status = 0;
    if (::waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP)
      return 1;
    ::kill(pid, SIGCONT);
    if (::waitpid(pid, &status, 0) != pid) return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
  });
  check_equal(ending.status(), 42);
}

TEST("suffer_signal returns where the kernel drops the stop: in an orphaned group") {
  const auto ending = in_child([] {
    ::setsid();
    ipc::suffer_signal(SIGTSTP);
    return 42;
  });
  check_equal(ending.status(), 42);
}

TEST("a queue that stays blocked leaves late signals to nobody") {
  const auto ending = in_child([] {
    {
      SignalQueue queue({SIGTERM, SIGINT});
      queue.stay_blocked();
    }
    ::kill(::getpid(), SIGTERM);
    return is_blocked(SIGTERM) && is_blocked(SIGINT) ? 42 : 1;
  });
  check_equal(ending.status(), 42);
}
