#pragma once
/// One loop for all that can happen: descriptors become ready (pipes, pidfds, a SignalQueue's), timers run out.
/// It only reports; what an event means is the caller's business. Built on epoll, level-triggered: an event
/// that was not acted upon comes again. For one thread.

#include <sys/epoll.h>

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "ipc/deadline.hpp"
#include "ipc/fd.hpp"

namespace ipc {

/// What the caller calls a registration. `generation` tells a stale event from one of a later owner of `index`.
struct Token {
  std::uint8_t kind = 0;
  std::uint32_t generation = 0;  ///< 24 bits of it are kept
  std::uint32_t index = 0;
  auto operator<=>(const Token&) const noexcept = default;
};

struct Event {
  Token token;
  bool readable = false;  ///< something can be read
  bool writable = false;
  bool hung_up = false;  ///< all other ends are closed, or the descriptor is in error
};

class EventLoop {
 public:
  enum class Interest : std::uint32_t {
    hang_up = 0,  ///< errors and closed ends alone, which are always reported
    read = EPOLLIN,
    write = EPOLLOUT
  };

  EventLoop();

  /// `fd` is borrowed; closing its last copy ends the watch. Returns false when the kernel cannot watch such a
  /// file (a regular file is always ready). Throws Error on anything else.
  [[nodiscard]] bool watch(int fd, Interest interest, Token token);
  void change(int fd, Interest interest, Token token);
  void unwatch(int fd) noexcept;

  /// A timer's name, until it has run out or was cancelled. `at` is on the loop's own clock.
  struct Timer {
    Deadline at;
    std::uint64_t serial = 0;  ///< 0: no timer
    auto operator<=>(const Timer&) const noexcept = default;
  };
  Timer arm(Deadline at, Token token);
  /// Also fine for a timer that has run out or was never armed; `timer` is none afterwards.
  void cancel(Timer& timer) noexcept;

  /// Time in which this process was stopped: all timers armed so far run out that much later.
  void forget_time(Duration span) noexcept { forgotten_ += span; }

  /// Readable when wait() would find an event of a descriptor; timers are not told of. For another loop, or a poll.
  [[nodiscard]] int descriptor() const noexcept { return epoll_.get(); }

  /// Waits for at least one event (with `block` false, only looks). Valid until the next call. Throws Error.
  [[nodiscard]] std::span<const Event> wait(bool block = true);

 private:
  struct Armed {
    Timer timer;
    Token token;
    bool operator<(const Armed& other) const noexcept { return timer < other.timer; }
  };
  void control(int operation, int fd, Interest interest, Token token);

  Fd epoll_;
  std::set<Armed> timers_;
  std::uint64_t serial_ = 0;
  Duration forgotten_{0};  ///< by how much the loop's clock is behind
  std::vector<Event> events_;
};

}  // namespace ipc
