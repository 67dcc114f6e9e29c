#pragma once
/// Looking at descriptors, and pointing the standard ones elsewhere.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "ipc/fd.hpp"
#include "ipc/io.hpp"

/// All that is left to be read, up to the end.
inline std::string read_all(int fd) {
  std::string text;
  char block[4096];
  for (;;) {
    const ssize_t n = ipc::read_some(fd, block);
    if (n <= 0) return text;
    text.append(block, static_cast<std::size_t>(n));
  }
}

/// What can be read now, without waiting for more.
inline std::string read_present(int fd) {
  std::string text;
  char block[4096];
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLIN) == 0) return text;
    const ssize_t n = ipc::read_some(fd, block);
    if (n <= 0) return text;
    text.append(block, static_cast<std::size_t>(n));
  }
}

inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }
inline bool closes_on_exec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

/// Fills a pipe or socket until it takes no byte more, and returns how many it took.
inline std::size_t fill(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const std::string block(4096, '-');
  std::size_t sum = 0;
  for (std::size_t part = block.size(); part > 0; part /= 2) {
    for (ssize_t n = 0; (n = ::write(fd, block.data(), part)) > 0;) sum += static_cast<std::size_t>(n);
  }
  ::fcntl(fd, F_SETFL, flags);
  return sum;
}

/// Descriptor `target` leads to where `fd` does, until the end of this object.
class Redirect {
 public:
  Redirect(int target, int fd) : target_(target), before_(ipc::duplicate(target, 10)) {
    std::fflush(nullptr);
    ::dup2(fd, target);
  }
  Redirect(const Redirect&) = delete;
  Redirect& operator=(const Redirect&) = delete;
  ~Redirect() { ::dup2(before_.get(), target_); }

 private:
  int target_;
  ipc::Fd before_;
};
