#pragma once
/// Waiting for a queue to change, as one descriptor that a poll or an event loop can watch.
///
///   for (;;) {
///     const bool may_look = waiter.begin();    // no: somebody else has the turn
///     if (look under the lock) break;
///     if (may_look) waiter.sleep(...);
///     poll(waiter.descriptor());
///   }
///   waiter.end();

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "ipc/event_loop.hpp"
#include "ipc/fd.hpp"
#include "ipc/wall_timer.hpp"
#include "queue/holders.hpp"
#include "queue/turn.hpp"

namespace queue {

class Waiter {
 public:
  /// `bell` is a file of `directory`, borrowed. All wake that wait. Throws ipc::Error.
  Waiter(int directory, const char* bell);
  /// One at a time wakes, as `turn` (another file) and its `tickets` have it.
  Waiter(int directory, const char* bell, const char* turn, std::uint64_t& tickets);

  /// Listens from now on, if it has the turn. Otherwise the descriptor says when to look and try again.
  [[nodiscard]] bool begin();
  /// There is nothing: besides the bell, wake at the wall-clock time `at`, and when one of these holders ends.
  /// True when one of them is watched for the first time: whether it still lives must be looked at once more.
  [[nodiscard]] bool sleep(std::optional<std::int64_t> at, std::span<const Holders::Other> holders);
  /// Passes the turn on.
  void end() noexcept;

  /// Readable when it is time to look again.
  [[nodiscard]] int descriptor() const noexcept { return loop_.descriptor(); }

 private:
  [[nodiscard]] bool watch_holders(std::span<const Holders::Other> holders, std::optional<std::int64_t>& at);

  int directory_;
  const char* bell_name_;
  std::optional<Turn> turn_;
  ipc::EventLoop loop_;
  ipc::Fd bell_;
  ipc::WallTimer timer_;
  std::map<std::uint64_t, ipc::Fd> watched_;  ///< by the holder's serial
};

/// Passes the turn on at the end of its scope, however that is left.
class WaitingEnds {
 public:
  explicit WaitingEnds(std::optional<Waiter>& waiter) noexcept : waiter_(waiter) {}
  WaitingEnds(const WaitingEnds&) = delete;
  WaitingEnds& operator=(const WaitingEnds&) = delete;
  ~WaitingEnds() {
    if (waiter_) waiter_->end();
  }

 private:
  std::optional<Waiter>& waiter_;
};

}  // namespace queue
