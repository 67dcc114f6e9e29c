#include "queue/retry_rule.hpp"

#include <algorithm>

namespace queue {
namespace {

constexpr ipc::Duration kLeastPause = std::chrono::seconds(1);
constexpr ipc::Duration kLongestLeastPause = std::chrono::hours(1);

/// A path that ends so is the queue called X in its directory.
constexpr std::string_view kSuffix = ".queue";

}  // namespace

ipc::Duration RetryRule::delay_after(unsigned attempt) const noexcept {
  const ipc::Duration delay = ipc::doubled(backoff_, attempt > 0 ? attempt - 1 : 0);
  if (has_dead_letters_ || attempt <= retries_) return delay;
  const ipc::Duration pause = ipc::doubled(kLeastPause, attempt - retries_ - 1);
  return std::max(delay, std::min(pause, kLongestLeastPause));
}

std::string dead_name(std::string_view name) {
  std::string dead(name);
  const bool is_path = name.find('/') != std::string_view::npos;
  dead.insert(is_path && name.ends_with(kSuffix) ? name.size() - kSuffix.size() : name.size(), ".dead");
  return dead;
}

std::string dead_summary(std::uint64_t count, std::string_view name) {
  return std::to_string(count) + (count == 1 ? " message" : " messages") + " went to " + dead_name(name);
}

}  // namespace queue
