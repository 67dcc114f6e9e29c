#include "run_intake.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "ipc/exit_status.hpp"

namespace {

constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

std::uint64_t limit_of(const Config& config, queue::FileQueue& queue) {
  if (config.count) return *config.count;
  // What is put from now on is not there now. At least one try tells closed from empty.
  if (config.all) return std::max<std::uint64_t>(queue.size().messages, 1);
  return config.follow ? kAny : 1;
}

}  // namespace

Intake::Intake(const Config& config, queue::FileQueue& queue, ipc::EventLoop& loop, ipc::Token wake,
               ipc::Token too_late)
    : queue_(queue),
      loop_(loop),
      wake_(wake),
      too_late_(too_late),
      follow_(config.follow),
      all_(config.all),
      no_wait_(config.all || config.no_wait()),
      timeout_(config.timeout),
      most_(limit_of(config, queue)) {}

bool Intake::wants() noexcept {
  if (taken_ == most_ && !ended()) end_ = End::count;
  return !ended() && !waiting_;
}

bool Intake::take(const queue::FileQueue::Leased& leased, bool idle) {
  if (leased.lease.serial != 0) {
    ++taken_;
    late_ = false;
    loop_.cancel(timer_);
    return true;
  }
  prepared_ = true;
  end_ = end_after(leased.stop, idle);
  if (!ended()) wait(idle);
  return false;
}

/// A message that is in hand may come back: what is there now is not known before.
Intake::End Intake::end_after(queue::Stop stop, bool idle) const noexcept {
  if (stop == queue::Stop::closed) return End::closed;
  if (stop == queue::Stop::removed) return End::removed;
  if (!idle) return End::none;
  if (no_wait_) return End::empty;
  return late_ ? End::late : End::none;
}

void Intake::wait(bool idle) {
  waiting_ = true;
  // Others who wait get the turn.
  if (no_wait_) return queue_.stop_waiting();
  if (timeout_ && idle && timer_.serial == 0) {
    timer_ = loop_.arm(ipc::Deadline::after(*timeout_), too_late_);
  }
  // It may be another descriptor that has the same number.
  if (watched_ >= 0) loop_.unwatch(watched_);
  watched_ = queue_.wake_descriptor();
  (void)loop_.watch(watched_, ipc::EventLoop::Interest::read, wake_);
}

void Intake::pause() noexcept {
  if (watched_ >= 0) loop_.unwatch(std::exchange(watched_, -1));
  if (std::exchange(prepared_, false)) queue_.stop_waiting();
  waiting_ = false;
}

int Intake::status() const noexcept {
  switch (end_) {
    case End::empty: return taken_ > 0 ? ipc::kExitSuccess : ipc::kExitNo;
    case End::late: return ipc::kExitTimeout;
    case End::closed: return taken_ > 0 && (follow_ || all_) ? ipc::kExitSuccess : ipc::kExitClosed;
    case End::removed: return ipc::kExitClosed;
    default: return ipc::kExitSuccess;
  }
}
