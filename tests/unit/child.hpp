#pragma once
/// A forked copy of the test program that runs one function and exits with what it returns.

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "ipc/exit_status.hpp"

/// Killed and reaped at the end, if it was not waited for.
class Child {
 public:
  template <class Body>
  explicit Child(Body&& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    try {
      ::_exit(body());
    } catch (...) {
      ::_exit(99);
    }
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    (void)wait();
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  ipc::Ending wait() noexcept {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return ipc::ending_of(status);
  }

 private:
  pid_t pid_;
};

/// Runs `body` in a child and says how that ended.
template <class Body>
ipc::Ending in_child(Body&& body) {
  Child child(std::forward<Body>(body));
  return child.wait();
}
