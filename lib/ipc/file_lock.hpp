#pragma once
/// flock(2) on a file that somebody else opened.
/// The lock belongs to the open file description: it is freed by unlocking, or when the last descriptor of
/// that description is closed, also by the death of its holders. Excludes every user of flock(2), and no
/// user of fcntl(2) locks.
///
/// Waiting is the kernel's: it costs nothing, and waiters are let in about in their order. flock(2) knows no deadline,
/// so an Alarm ends the wait. A helper thread or process that blocks would need such a signal too, to be stopped, and
/// costs more.

#include <optional>
#include <utility>

#include "ipc/deadline.hpp"

namespace ipc {

class FileLock {
 public:
  enum class Mode { shared, exclusive };

  /// Does not wait: nothing when another description holds a conflicting lock.
  /// A shared lock that the description has is lost when it cannot become exclusive at once, and also while lock()
  /// waits for that: the kernel frees it first (flock(2)).
  /// `fd` is borrowed and must outlive the lock. Throws Error.
  [[nodiscard]] static std::optional<FileLock> try_lock(int fd, Mode mode);

  /// Waits; nothing when `deadline` comes first. With a deadline it has an Alarm meanwhile. Throws Error.
  [[nodiscard]] static std::optional<FileLock> lock(int fd, Mode mode, Deadline deadline = Deadline::never());

  /// Frees the lock of the description behind `fd`, whoever took it; fine when there is none. Throws Error.
  static void unlock(int fd);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  /// Unlocks, which frees the lock whoever else has the descriptor.
  ~FileLock();

  /// Leaves the lock to the descriptors of the description.
  void abandon() noexcept { fd_ = -1; }

 private:
  explicit FileLock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

}  // namespace ipc
