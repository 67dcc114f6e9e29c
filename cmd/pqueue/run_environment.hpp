#pragma once
/// COMMAND's environment: pqueue's own, with PQUEUE_NAME, PQUEUE_ID, PQUEUE_ATTEMPT and PQUEUE_LEASE.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

class CommandEnvironment {
 public:
  /// `name`: of the queue, as the user wrote it.
  explicit CommandEnvironment(const std::string& name);
  CommandEnvironment(const CommandEnvironment&) = delete;
  CommandEnvironment& operator=(const CommandEnvironment&) = delete;

  void set_message(std::uint64_t id, unsigned attempt, std::string_view lease);
  /// Ends in nullptr. Valid until the next set_message().
  [[nodiscard]] char* const* envp() const noexcept { return envp_.data(); }

 private:
  std::array<std::string, 4> ours_;
  std::size_t first_;  ///< where the pointers to ours_ begin
  std::vector<char*> envp_;
};
