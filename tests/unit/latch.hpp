#pragma once
/// A one-way signal between a test and what it forks. Made before the fork; each side then says which it is by what it
/// calls: one opens, the other waits.

#include <unistd.h>

#include <cerrno>

#include "ipc/pipe.hpp"

class Latch {
 public:
  Latch() : pipe_(ipc::Pipe::create()) {}

  /// Lets one waiter through.
  void open() noexcept {
    const char byte = 'o';
    (void)!::write(pipe_.write_end.get(), &byte, 1);
  }
  /// False when whoever was to open it is gone. Only then is that seen, so wait on the side that does not open.
  [[nodiscard]] bool wait() noexcept {
    pipe_.write_end.reset();
    char byte = 0;
    ssize_t count = 0;
    do {
      count = ::read(pipe_.read_end.get(), &byte, 1);
    } while (count < 0 && errno == EINTR);
    return count == 1;
  }

 private:
  ipc::Pipe pipe_;
};
