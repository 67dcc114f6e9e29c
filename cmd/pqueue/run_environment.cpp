#include "run_environment.hpp"

#include <unistd.h>

#include <algorithm>

namespace {

constexpr std::array<std::string_view, 4> kNames = {
    "PQUEUE_NAME=", "PQUEUE_ID=", "PQUEUE_ATTEMPT=", "PQUEUE_LEASE="};

/// Of a pqueue around this one.
bool is_ours(std::string_view entry) {
  return std::ranges::any_of(kNames, [&](std::string_view name) { return entry.starts_with(name); });
}

}  // namespace

CommandEnvironment::CommandEnvironment(const std::string& name) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_ours(*entry)) envp_.push_back(*entry);
  }
  first_ = envp_.size();
  envp_.resize(first_ + ours_.size() + 1, nullptr);
  ours_[0] = std::string(kNames[0]) + name;
  set_message(0, 0, "");
}

void CommandEnvironment::set_message(std::uint64_t id, unsigned attempt, std::string_view lease) {
  const std::array<std::string, 3> values = {std::to_string(id), std::to_string(attempt), std::string(lease)};
  for (std::size_t i = 1; i < ours_.size(); ++i) ours_[i].assign(kNames[i]).append(values[i - 1]);
  for (std::size_t i = 0; i < ours_.size(); ++i) envp_[first_ + i] = ours_[i].data();
}
