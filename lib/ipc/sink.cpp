#include "ipc/sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace ipc {

Sink::Sink(int fd) : fd_(fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;  // the first write will tell
  if (S_ISFIFO(status.st_mode)) kind_ = Kind::pipe;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
  if (S_ISCHR(status.st_mode) && ::isatty(fd) == 1) kind_ = Kind::terminal;
  if (kind_ == Kind::pipe || kind_ == Kind::terminal) reopened_ = reopen_without_waiting(fd, O_WRONLY);
}

bool Sink::would_wait() const noexcept {
  pollfd ready{fd_, POLLOUT, 0};
  return ::poll(&ready, 1, 0) == 0;
}

std::size_t Sink::write_some(std::string_view bytes) noexcept {
  for (;;) {
    ssize_t n = 0;
    if (kind_ == Kind::socket) {
      n = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (kind_ == Kind::file || reopened_) {
      n = ::write(descriptor(), bytes.data(), bytes.size());
    } else {
      if (would_wait()) return 0;
      n = ::write(fd_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    }
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) errnum_ = errno;
    return 0;
  }
}

}  // namespace ipc
