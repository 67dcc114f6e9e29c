#pragma once
/// One job, from its record to the last byte of its output.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "batch.hpp"
#include "ipc/duration.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/hash.hpp"
#include "ipc/spool.hpp"
#include "ipc/tail.hpp"

/// What a job's output goes through: 0 is stdout (or both, where ppool's two are one file), 1 is stderr.
inline constexpr std::size_t kStreams = 2;

/// The identity of a job over several runs: what it does, and which of the equal ones it is (from 1).
struct JobKey {
  ipc::Hash128 hash;
  std::uint32_t occurrence = 0;
  auto operator<=>(const JobKey&) const = default;
};

struct JobResult {
  ipc::Ending ending;
  bool timed_out = false;
  bool ended_by_pool = false;   ///< a halt, a signal, a reader that is gone: neither success nor failure
  std::int64_t started_ms = 0;  ///< Unix time
  ipc::Duration runtime{0};
  ipc::Duration user{0};
  ipc::Duration system{0};
  long max_rss = 0;  ///< KiB

  [[nodiscard]] bool success() const noexcept { return ending.success() && !timed_out && !ended_by_pool; }
};

struct Job {
  Job(std::uint64_t number, JobInput&& what, ipc::SpoolStore& store)
      : seq(number),
        input(std::move(what)),
        claim(input.claim),
        output{ipc::Spool(store), ipc::Spool(store)} {}

  std::uint64_t seq;
  JobInput input;
  Claim claim;
  JobKey key;                ///< with --joblog
  std::string command_line;  ///< quoted, for --joblog and --results
  unsigned slot = 0;
  unsigned tries = 0;
  std::string tag;  ///< with its tab; empty without one
  JobResult result;

  /// A failure of the try that runs now is not yet the job's.
  [[nodiscard]] bool may_be_tried_again(std::uint64_t retries) const noexcept {
    return claim ? !claim.is_last_try : tries <= retries;
  }

  // Output
  std::array<ipc::Spool, kStreams> output;
  std::array<bool, kStreams> at_line_start{true, true};
  std::uint64_t bytes_out = 0;
  std::string answer;  ///< for the message that the job is about
  bool answer_too_large = false;
  ipc::Tail errors;  ///< what it wrote to stderr last, for its dead letter
};
