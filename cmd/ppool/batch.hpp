#pragma once
/// From records to what one job gets: one record each, or several (-N, -X).

#include <optional>
#include <string>
#include <vector>

#include "source.hpp"

/// Why a job can never be started.
enum class Unfit { no, nul_byte, too_long };

/// What a job is about.
struct JobInput {
  std::vector<std::string> fields;
  Unfit unfit = Unfit::no;
  Claim claim{};
};

class Batcher {
 public:
  /// For -X: `fixed_bytes` is what the command words and the environment take of the system's limit, `copies` how often
  /// a record is in the command line.
  Batcher(Source& source, const Config& config, std::size_t fixed_bytes, std::size_t copies);

  /// As Source::next(), for whole jobs. A job that is still incomplete waits for more records.
  [[nodiscard]] Source::State next(JobInput& input);

 private:
  [[nodiscard]] Source::State next_record(Record& record);
  [[nodiscard]] Unfit judge(const Record& record) const;
  [[nodiscard]] bool has_room_for(const Record& record) const;
  void add(Record&& record);

  Source& source_;
  std::uint64_t max_records_;  ///< a job
  std::size_t max_bytes_;      ///< of a job's records, as the kernel counts them
  bool skip_empty_;
  bool lines_may_hold_nul_;
  std::size_t longest_;
  JobInput partial_;
  std::size_t partial_bytes_ = 0;
  std::optional<Record> left_over_;  ///< the one that did not fit the last job
};
