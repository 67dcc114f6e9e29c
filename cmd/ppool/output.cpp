#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

Output::Output(int fd, const char* name, ipc::SpoolStore& store) : fd_(fd), name_(name), store_(store) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;  // the first write will tell
  if (S_ISFIFO(status.st_mode)) kind_ = Kind::pipe;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
  if (S_ISCHR(status.st_mode) && ::isatty(fd) == 1) kind_ = Kind::terminal;
  if (kind_ == Kind::pipe || kind_ == Kind::terminal) reopened_ = ipc::reopen_without_waiting(fd, O_WRONLY);
}

bool Output::would_wait() const {
  pollfd ready{fd_, POLLOUT, 0};
  return ::poll(&ready, 1, 0) == 0;
}

std::size_t Output::write_some(std::string_view bytes) {
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
    if (errno != EAGAIN) fail(errno);
    return 0;
  }
}

void Output::fail(int errnum) noexcept {
  errnum_ = errnum;
  condition_ = errnum == EPIPE ? Condition::reader_gone : Condition::failed;
  pending_.clear();
}

void Output::write(std::string_view bytes) {
  if (condition_ != Condition::fine || bytes.empty()) return;
  accepted_ += bytes.size();
  while (pending_.empty() && !bytes.empty()) {
    const std::size_t n = write_some(bytes);
    if (condition_ != Condition::fine) return;
    if (n == 0) break;
    written_ += n;
    bytes.remove_prefix(n);
  }
  if (bytes.empty()) return;
  if (pending_.empty()) pending_.emplace_back(store_);
  pending_.back().append(bytes);
}

void Output::write(ipc::Spool&& bytes) {
  if (condition_ != Condition::fine || bytes.empty()) return;
  accepted_ += bytes.size();
  pending_.push_back(std::move(bytes));
  if (pending_.size() == 1) flush();
}

void Output::flush() {
  while (!pending_.empty()) {
    ipc::Spool& first = pending_.front();
    while (!first.empty()) {
      const std::size_t n = write_some(first.front());
      if (n == 0) return;
      written_ += n;
      first.pop(n);
    }
    pending_.pop_front();
  }
}

bool same_file(int one, int other) {
  struct stat a {};
  struct stat b {};
  if (::fstat(one, &a) != 0 || ::fstat(other, &b) != 0) return false;
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
