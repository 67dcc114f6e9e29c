#pragma once
/// The score, and the exit status that follows from it.

#include <algorithm>
#include <cstdint>
#include <string>

#include "config.hpp"
#include "ipc/exit_status.hpp"
#include "job.hpp"

struct Tally {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t timed_out = 0;  ///< of the failed ones
  int first_failure = 0;        ///< the status of the job that failed first

  void count(const JobResult& result) noexcept {
    if (result.success()) {
      ++succeeded;
      return;
    }
    timed_out += result.timed_out ? 1 : 0;
    if (failed++ == 0) first_failure = result.timed_out ? ipc::kExitTimeout : result.ending.status();
  }

  [[nodiscard]] std::uint64_t finished() const noexcept { return succeeded + failed; }

  [[nodiscard]] int exit_status(ExitRule rule) const noexcept {
    if (failed == 0) return ipc::kExitSuccess;
    if (rule == ExitRule::first) return first_failure;
    if (rule == ExitRule::count) return static_cast<int>(std::min<std::uint64_t>(failed, 101));
    return timed_out == failed ? ipc::kExitTimeout : ipc::kExitNo;
  }

  /// "3 of 100 jobs failed, 2 timed out"
  [[nodiscard]] std::string summary() const {
    std::string text = std::to_string(failed) + " of " + std::to_string(finished()) + " jobs failed";
    if (timed_out > 0) text += ", " + std::to_string(timed_out) + " timed out";
    return text;
  }
};
