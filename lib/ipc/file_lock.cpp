#include "ipc/file_lock.hpp"

#include <sys/file.h>

#include <cerrno>
#include <string>

#include "ipc/error.hpp"

namespace ipc {

std::optional<FileLock> FileLock::try_lock(int fd, Mode mode) {
  const int operation = (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  while (::flock(fd, operation) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno != EINTR) throw_errno("lock", "descriptor " + std::to_string(fd));
  }
  return FileLock(fd);
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::flock(fd_, LOCK_UN);
}

}  // namespace ipc
