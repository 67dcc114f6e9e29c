#pragma once
/// A descriptor that is written to without ever waiting in write(2), so that a reader who pauses cannot keep a tool from
/// its signals.
///
/// A pipe or terminal is opened once more through /proc with O_NONBLOCK, which leaves the flags of the shared
/// description alone; a socket is sent to with MSG_DONTWAIT; where reopening is refused, poll(2) says when a
/// write of PIPE_BUF bytes will not wait. A regular file is simply written.

#include <cstddef>
#include <string_view>

#include "ipc/fd.hpp"

namespace ipc {

class Sink {
 public:
  /// `fd` is borrowed.
  explicit Sink(int fd);

  /// How many of `bytes` were written; 0 when it would wait or has failed: errnum() tells.
  [[nodiscard]] std::size_t write_some(std::string_view bytes) noexcept;

  /// What to watch for writability and for hang-ups.
  [[nodiscard]] int descriptor() const noexcept { return reopened_ ? reopened_.get() : fd_; }
  [[nodiscard]] bool is_terminal() const noexcept { return kind_ == Kind::terminal; }
  /// Why it failed, 0 while it has not.
  [[nodiscard]] int errnum() const noexcept { return errnum_; }

 private:
  enum class Kind { file, pipe, socket, terminal };
  [[nodiscard]] bool would_wait() const noexcept;

  int fd_;
  Kind kind_ = Kind::file;
  Fd reopened_;
  int errnum_ = 0;
};

}  // namespace ipc
