#include "ipc/fd.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"

namespace ipc {

void Fd::reset(int fd) noexcept {
  // Linux releases the descriptor even when close() says EINTR: never close twice.
  if (fd_ >= 0) {
    const int saved = errno;
    ::close(fd_);
    errno = saved;
  }
  fd_ = fd;
}

Fd open_file(const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) throw_errno("", path);
  }
}

Fd duplicate(int fd, int lowest) {
  int copy = -1;
  do {
    copy = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest);
  } while (copy < 0 && errno == EINTR);
  if (copy < 0) throw_errno("duplicate", "descriptor " + std::to_string(fd));
  return Fd(copy);
}

Fd reopen_without_waiting(int fd, int access) {
  unsigned pseudo_terminal = 0;
  if (::ioctl(fd, TIOCGPTN, &pseudo_terminal) == 0) return {};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(path.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free descriptor is fd itself, since those below are open.
    if (::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) throw_errno("open", "/dev/null");
  }
}

bool is_occupied(int fd) noexcept {
  if (fd < 0 || fd > 2) return false;
  const int flags = ::fcntl(fd, F_GETFL);
  struct stat status {};
  struct stat null {};
  return flags >= 0 && (flags & O_ACCMODE) == (fd == 0 ? O_WRONLY : O_RDONLY) && ::fstat(fd, &status) == 0 &&
         S_ISCHR(status.st_mode) && ::stat("/dev/null", &null) == 0 && status.st_rdev == null.st_rdev;
}

}  // namespace ipc
