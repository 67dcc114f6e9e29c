#include "ipc/file_lock.hpp"

#include <sys/file.h>

#include <cerrno>
#include <string>

#include "ipc/alarm.hpp"
#include "ipc/error.hpp"

namespace ipc {
namespace {

int operation_of(FileLock::Mode mode) noexcept { return mode == FileLock::Mode::shared ? LOCK_SH : LOCK_EX; }

[[noreturn]] void fail(int fd) { throw_errno("lock", "descriptor " + std::to_string(fd)); }

}  // namespace

std::optional<FileLock> FileLock::try_lock(int fd, Mode mode) {
  while (::flock(fd, operation_of(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno != EINTR) fail(fd);
  }
  return FileLock(fd);
}

std::optional<FileLock> FileLock::lock(int fd, Mode mode, Deadline deadline) {
  std::optional<Alarm> alarm;
  if (!deadline.is_never()) alarm.emplace(deadline);
  while (::flock(fd, operation_of(mode)) != 0) {
    if (errno != EINTR) fail(fd);
    if (deadline <= Deadline::now()) return std::nullopt;
  }
  return FileLock(fd);
}

void FileLock::unlock(int fd) {
  while (::flock(fd, LOCK_UN) != 0) {
    if (errno != EINTR) fail(fd);
  }
}

FileLock::~FileLock() {
  // Network file systems may be interrupted in unlocking too.
  while (fd_ >= 0 && ::flock(fd_, LOCK_UN) != 0 && errno == EINTR) {
  }
}

}  // namespace ipc
