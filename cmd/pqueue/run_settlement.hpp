#pragma once
/// What becomes of messages whose COMMAND is over: settled, given back, or among the dead letters; and the exit status
/// that follows.

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "config.hpp"
#include "queue/file_queue.hpp"
#include "queue/retry_rule.hpp"
#include "run_slot.hpp"

class Settlement {
 public:
  /// Borrows both.
  Settlement(const Config& config, queue::FileQueue& queue);

  /// The try in `slot` is over; `delivered`: what it printed has arrived. Says whether another try follows. Throws
  /// ipc::Error.
  [[nodiscard]] bool conclude(const Slot& slot, bool delivered);
  /// As if it had never been taken. Throws ipc::Error.
  void give_back(queue::Lease lease) { (void)queue_.give_back(lease, ipc::Duration::zero(), false); }

  /// Some messages did not come to a good end.
  [[nodiscard]] bool some_failed() const noexcept { return dead_ > 0 || !returned_.empty(); }
  /// The last words, when there is anything to tell.
  [[nodiscard]] std::optional<std::string> summary() const;

 private:
  void succeed(const Slot& slot);
  [[nodiscard]] bool fail(const Slot& slot);
  void answer(const Slot& slot);

  const Config& config_;
  queue::FileQueue& queue_;
  queue::RetryRule rule_;
  std::uint64_t dead_ = 0;
  std::set<std::uint64_t> returned_;  ///< ids of those that failed and were given back, where that counts
};
