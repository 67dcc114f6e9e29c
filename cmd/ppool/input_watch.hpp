#pragma once
/// Waiting for more records: at most one descriptor, which is asked about again whenever it may have changed.

#include "ipc/event_loop.hpp"
#include "queue_source.hpp"

class InputWatch {
 public:
  /// Borrows both; `queue` is null where records come from elsewhere.
  InputWatch(ipc::EventLoop& loop, QueueSource* queue, ipc::Token token) noexcept
      : loop_(loop), queue_(queue), token_(token) {}

  /// There is no record before the descriptor says so. (One that cannot be watched is always ready.)
  void wait_for(int descriptor) {
    if (loop_.watch(descriptor, ipc::EventLoop::Interest::read, token_)) watched_ = descriptor;
  }
  [[nodiscard]] bool is_waiting() const noexcept { return watched_ >= 0; }

  /// There may be a record now: where there is none, the source says so again.
  void ask_again() noexcept {
    if (is_waiting()) loop_.unwatch(watched_);
    watched_ = -1;
  }
  /// What has become of a job may have put an end to the queue, or its message back into it.
  void queue_has_changed() noexcept {
    if (queue_ != nullptr) ask_again();
  }
  /// No record is wanted for now: another getter of the queue is to have the next message.
  void pause() noexcept {
    if (queue_ == nullptr) return;
    ask_again();
    queue_->pause();
  }

 private:
  ipc::EventLoop& loop_;
  QueueSource* queue_;
  ipc::Token token_;
  int watched_ = -1;
};
