#include "queue/waiter.hpp"

#include <algorithm>
#include <cerrno>

#include "ipc/error.hpp"
#include "ipc/process_watch.hpp"
#include "queue/bell.hpp"

namespace queue {
namespace {

/// More are looked at from time to time.
constexpr std::size_t kMostWatched = 128;
constexpr std::int64_t kLookAgain = 100'000'000;
/// One that has ended, and whose lock somebody still keeps: its commands are being ended.
constexpr std::int64_t kLookSoon = 1'000'000;
/// Who stands in line looks now and then, too: the one whose turn it is may be stopped (SIGSTOP, a frozen cgroup).
constexpr std::int64_t kLookInLine = 3'000'000'000;

}  // namespace

Waiter::Waiter(int directory, const char* bell) : directory_(directory), bell_name_(bell) {
  (void)loop_.watch(timer_.descriptor(), ipc::EventLoop::Interest::read, {});
}

Waiter::Waiter(int directory, const char* bell, const char* turn, std::uint64_t& tickets)
    : Waiter(directory, bell) {
  turn_.emplace(directory, turn, tickets);
  (void)loop_.watch(turn_->descriptor(), ipc::EventLoop::Interest::read, {});
}

bool Waiter::begin() {
  if (turn_ && !turn_->take()) {
    timer_.set(ipc::wall_time() + kLookInLine);
    return false;
  }
  bell_ = listen(directory_, bell_name_);
  if (bell_) (void)loop_.watch(bell_.get(), ipc::EventLoop::Interest::read, {});
  timer_.clear();
  return true;
}

bool Waiter::watch_holders(std::span<const Holders::Other> holders, std::optional<std::int64_t>& at) {
  std::map<std::uint64_t, ipc::Fd> kept;
  bool any_new = false;
  const auto look_in = [&at](std::int64_t span) {
    const std::int64_t then = ipc::wall_time() + span;
    at = at ? std::min(*at, then) : then;
  };
  for (const Holders::Other& holder : holders) {
    auto known = watched_.extract(holder.serial);
    if (!known.empty()) {
      // It was looked at under the lock just now: whoever has ended by now keeps the lock for a moment.
      if (ipc::has_ended(known.mapped().get())) {
        look_in(kLookSoon);
      } else {
        kept.insert(std::move(known));
      }
      continue;
    }
    errno = 0;
    ipc::Fd process =
        holder.can_be_watched && kept.size() < kMostWatched ? ipc::watch_process(holder.pid) : ipc::Fd();
    const bool has_just_ended = !process && holder.can_be_watched && errno == ESRCH;
    if (!process || !loop_.watch(process.get(), ipc::EventLoop::Interest::read, {})) {
      look_in(has_just_ended ? kLookSoon : kLookAgain);
      continue;
    }
    kept.emplace(holder.serial, std::move(process));
    any_new = true;
  }
  watched_ = std::move(kept);
  return any_new;
}

bool Waiter::sleep(std::optional<std::int64_t> at, std::span<const Holders::Other> holders) {
  const bool any_new = watch_holders(holders, at);
  if (at) timer_.set(*at);
  return any_new;
}

void Waiter::end() noexcept {
  bell_.reset();
  watched_.clear();
  timer_.clear();
  if (turn_) turn_->pass();
}

}  // namespace queue
