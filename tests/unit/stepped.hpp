#pragma once
/// A forked copy of the test program that is stopped after every instruction: what its end there would leave behind can
/// be looked at.

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "child.hpp"
#include "tap.hpp"

/// Calls `look()` after each instruction of `body`, which runs in a child. Skips the test where nothing can be traced,
/// and under ThreadSanitizer, which makes a hundred instructions of one.
template <class Body, class Look>
void step_through(Body&& body, Look&& look) {
#if defined(__SANITIZE_THREAD__)
  skip("too slow under ThreadSanitizer");
#endif
  const Child child([&] {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) return 1;
    ::raise(SIGSTOP);
    body();
    ::raise(SIGSTOP);
    return 0;
  });
  const auto signal_of_stop = [&child] {
    int status = 0;
    while (::waitpid(child.pid(), &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
  };
  if (signal_of_stop() != SIGSTOP) skip("no process can be traced here");
  for (;;) {
    if (::ptrace(PTRACE_SINGLESTEP, child.pid(), nullptr, nullptr) != 0) skip("it cannot be stepped here");
    const int signal = signal_of_stop();
    if (signal == SIGSTOP) return;
    require(signal == SIGTRAP, "the child got along");
    look();
  }
}
