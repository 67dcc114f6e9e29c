#pragma once
/// flock(2) on a file that somebody else opened.
/// The lock belongs to the open file description: it is freed by unlocking, or when the last descriptor of
/// that description is closed, also by the death of its holders. Excludes every user of flock(2), and no
/// user of fcntl(2) locks.

#include <optional>
#include <utility>

namespace ipc {

class FileLock {
 public:
  enum class Mode { shared, exclusive };

  /// Does not wait: nothing when another description holds a conflicting lock.
  /// `fd` is borrowed and must outlive the lock. Throws Error.
  [[nodiscard]] static std::optional<FileLock> try_lock(int fd, Mode mode);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) noexcept : fd_(fd) {}
  int fd_;
};

}  // namespace ipc
