#pragma once
/// When the next job may start: --delay after the last one, and not too soon after the system refused a process.

#include <algorithm>

#include "ipc/event_loop.hpp"

class StartGate {
 public:
  /// `token`: of the timer that wakes the loop when the gate opens.
  StartGate(ipc::EventLoop& loop, ipc::Token token) noexcept : loop_(loop), token_(token) {}

  [[nodiscard]] bool open() noexcept {
    if (closed_until_.is_never()) return true;
    if (ipc::Deadline::now() < closed_until_) return false;
    closed_until_ = {};
    return true;
  }

  void started(ipc::Duration delay) {
    refusal_wait_ = {};
    if (delay.count() > 0) close(delay);
  }
  /// Waits, each time twice as long, from 10 ms to 1 s.
  void refused() {
    refusal_wait_ =
        std::clamp<ipc::Duration>(refusal_wait_ * 2, std::chrono::milliseconds(10), std::chrono::seconds(1));
    close(refusal_wait_);
  }
  /// What has ended may be what a refused start was waiting for.
  void ended() noexcept {
    if (refusal_wait_.count() > 0) closed_until_ = {};
  }

 private:
  void close(ipc::Duration span) {
    closed_until_ = ipc::Deadline::after(span);
    loop_.cancel(timer_);
    timer_ = loop_.arm(closed_until_, token_);
  }

  ipc::EventLoop& loop_;
  ipc::Token token_;
  ipc::Deadline closed_until_;  ///< never: open
  ipc::Duration refusal_wait_{0};
  ipc::EventLoop::Timer timer_;
};
