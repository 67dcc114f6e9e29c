#pragma once
/// Descriptors: who owns them, and how they come about close-on-exec.

#include <sys/types.h>

#include <string>
#include <utility>

namespace ipc {

/// Owns one file descriptor and closes it exactly once.
/// Always close-on-exec: a child gets it only when a SpawnPlan maps it.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC, repeated on EINTR. Throws Error that names `path`.
[[nodiscard]] Fd open_file(const std::string& path, int flags, mode_t mode = 0);

/// The same file description again, at a descriptor of at least `lowest`. Throws Error.
[[nodiscard]] Fd duplicate(int fd, int lowest = 3);

/// The same pipe or terminal at a description of our own, for reading or writing (`access`: O_RDONLY, O_WRONLY) without
/// waiting: the flags of the one that others share stay as they are. None where that cannot be had: a socket, another
/// user's pipe, the master of a pseudo-terminal, which would become another pair.
[[nodiscard]] Fd reopen_without_waiting(int fd, int access);

/// Makes sure that descriptors 0, 1 and 2 are open, so that no file of ours ever lands on them:
/// a closed one becomes /dev/null, opened the wrong way round, so that its use fails with EBADF as before.
void occupy_standard_descriptors();

/// `fd` is one that the above has put there: for the caller of the program it is closed.
[[nodiscard]] bool is_occupied(int fd) noexcept;

}  // namespace ipc
