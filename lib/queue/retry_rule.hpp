#pragma once
/// What becomes of a message whose try has failed: another one, after a while, or a place among the dead letters.

#include <cstdint>
#include <string>
#include <string_view>

#include "ipc/duration.hpp"

namespace queue {

class RetryRule {
 public:
  static constexpr unsigned kUsualRetries = 3;

  /// `retries` more tries after the first. `backoff`: the wait before the second; each further one is twice as long.
  RetryRule(unsigned retries, ipc::Duration backoff, bool has_dead_letters) noexcept
      : retries_(retries), backoff_(backoff), has_dead_letters_(has_dead_letters) {}

  /// After the failure of try number `attempt` (from 1) there is no other.
  [[nodiscard]] bool is_last(unsigned attempt) const noexcept {
    return has_dead_letters_ && attempt > retries_;
  }
  /// How long the message waits after that failure. Where nothing ever becomes a dead letter, what goes on failing is not
  /// tried without a pause.
  [[nodiscard]] ipc::Duration delay_after(unsigned attempt) const noexcept;

 private:
  unsigned retries_;
  ipc::Duration backoff_;
  bool has_dead_letters_;
};

/// What the queue of dead letters of the queue called `name` is called.
[[nodiscard]] std::string dead_name(std::string_view name);

/// "2 messages went to q.dead"
[[nodiscard]] std::string dead_summary(std::uint64_t count, std::string_view name);

}  // namespace queue
