#pragma once
/// Where messages come from: counts them, waits for more, and knows when no more are wanted or will come.

#include <cstdint>
#include <optional>

#include "config.hpp"
#include "ipc/event_loop.hpp"
#include "queue/file_queue.hpp"

class Intake {
 public:
  enum class End {
    none,
    count,    ///< as many as were asked for
    empty,    ///< nothing more is there now
    late,     ///< -t
    closed,   ///< the queue is, and drained
    removed,  ///< the queue is gone
  };

  /// Borrows all. The tokens are of the event that more is there, and of the timer of -t.
  Intake(const Config& config, queue::FileQueue& queue, ipc::EventLoop& loop, ipc::Token wake,
         ipc::Token too_late);

  /// Another lease_one() is worth while: more is wanted, and could be there.
  [[nodiscard]] bool wants() noexcept;
  /// What came of it: whether it is a message. When it is none, it waits or has ended. `idle`: no message is in hand that
  /// could come back to the queue.
  [[nodiscard]] bool take(const queue::FileQueue::Leased& leased, bool idle);
  /// There may be news: it wants again.
  void look_again() noexcept { waiting_ = false; }
  /// No message is wanted for now: another getter gets the turn.
  void pause() noexcept;
  /// The message that came last has gone back as if it had not been taken.
  void untake() noexcept { --taken_; }
  /// One has gone back for another try, which is for this run where all that is there now is.
  void came_back() noexcept {
    if (all_) ++most_;
  }
  /// -t's time has passed: it looks for a last time.
  void too_late() noexcept {
    late_ = true;
    waiting_ = false;
  }

  [[nodiscard]] bool ended() const noexcept { return end_ != End::none; }
  /// The status that this end is worth when all went well.
  [[nodiscard]] int status() const noexcept;
  /// Its end was that somebody has removed the queue.
  [[nodiscard]] bool was_removed() const noexcept { return end_ == End::removed; }

 private:
  [[nodiscard]] End end_after(queue::Stop stop, bool idle) const noexcept;
  void wait(bool idle);

  queue::FileQueue& queue_;
  ipc::EventLoop& loop_;
  ipc::Token wake_;
  ipc::Token too_late_;
  bool follow_;
  bool all_;
  bool no_wait_;
  std::optional<ipc::Duration> timeout_;
  std::uint64_t most_;
  std::uint64_t taken_ = 0;
  End end_ = End::none;
  bool waiting_ = false;
  bool late_ = false;
  bool prepared_ = false;  ///< the queue thinks that we wait
  int watched_ = -1;
  ipc::EventLoop::Timer timer_;
};
