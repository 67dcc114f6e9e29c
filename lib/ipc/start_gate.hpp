#pragma once
/// When the next job may start: a delay after the last one, and not too soon after the system refused a process.

#include <algorithm>

#include "ipc/event_loop.hpp"

namespace ipc {

class StartGate {
 public:
  /// `token`: of the timer that wakes the loop when the gate opens.
  StartGate(EventLoop& loop, Token token) noexcept : loop_(loop), token_(token) {}

  [[nodiscard]] bool open() noexcept {
    if (closed_ && Deadline::now() < closed_until_) return false;
    closed_ = false;
    return true;
  }

  void started(Duration delay) {
    refusal_wait_ = {};
    if (delay.count() > 0) close(delay);
  }
  /// Waits, each time twice as long, from 10 ms to a second.
  void refused() {
    refusal_wait_ = std::clamp(refusal_wait_ * 2, kFirstWait, kLongestWait);
    close(refusal_wait_);
  }
  /// The longest wait has not helped.
  [[nodiscard]] bool refused_too_often() const noexcept { return refusal_wait_ == kLongestWait; }
  /// What has ended may be what a refused start was waiting for.
  void ended() noexcept {
    if (refusal_wait_.count() > 0) closed_ = false;
  }

 private:
  static constexpr Duration kFirstWait = std::chrono::milliseconds(10);
  static constexpr Duration kLongestWait = std::chrono::seconds(1);

  void close(Duration span) {
    closed_ = true;
    closed_until_ = Deadline::after(span);
    loop_.cancel(timer_);
    timer_ = loop_.arm(closed_until_, token_);
  }

  EventLoop& loop_;
  Token token_;
  bool closed_ = false;
  Deadline closed_until_;
  Duration refusal_wait_{0};
  EventLoop::Timer timer_;
};

}  // namespace ipc
