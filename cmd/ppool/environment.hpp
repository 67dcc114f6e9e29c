#pragma once
/// The environment of jobs: ppool's own, with additions, and PPOOL_SEQ, PPOOL_SLOT and PPOOL_PID.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

class Environment {
 public:
  explicit Environment(const std::vector<std::pair<std::string, std::string>>& additions);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  void set_job(std::uint64_t seq, unsigned slot) noexcept;
  [[nodiscard]] char* const* envp() const noexcept { return envp_.data(); }
  /// The value that jobs will see, or nullptr.
  [[nodiscard]] const char* find(const char* name) const noexcept;
  /// What the kernel counts for it.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  void put(char* entry);

  std::vector<std::string> additions_;
  std::array<char, 40> seq_{};
  std::array<char, 40> slot_{};
  std::array<char, 40> pid_{};
  std::vector<char*> envp_;  ///< ends in nullptr
};
