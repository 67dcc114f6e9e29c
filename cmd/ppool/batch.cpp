#include "batch.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "ipc/arguments.hpp"

namespace {

/// The kernel counts each argument with its NUL and its pointer; POSIX asks xargs to leave 2048 bytes free.
constexpr std::size_t kHeadroom = 4096;

/// Records that are skipped, or gathered for one job, in one go.
constexpr unsigned kPatience = 1000;

std::size_t cost(const Record& record) {
  std::size_t sum = 0;
  for (const auto& field : record.fields) sum += field.size() + 1 + sizeof(char*);
  return sum;
}

std::size_t room_for_records(std::size_t fixed_bytes) {
  const auto limit = static_cast<std::size_t>(std::max(4096L, ::sysconf(_SC_ARG_MAX)));
  return limit > fixed_bytes + kHeadroom ? limit - fixed_bytes - kHeadroom : 0;
}

}  // namespace

Batcher::Batcher(Source& source, const Config& config, std::size_t fixed_bytes, std::size_t copies)
    : source_(source),
      max_records_(config.fit ? std::numeric_limits<std::uint64_t>::max() : config.max_records.value_or(1)),
      max_bytes_(config.fit ? room_for_records(fixed_bytes) / std::max<std::size_t>(1, copies)
                            : std::numeric_limits<std::size_t>::max()),
      skip_empty_(config.skip_empty),
      lines_may_hold_nul_(config.groups.empty() && config.delimiter.front() != '\0'),
      // Columns may be short enough where the whole record is not.
      longest_(config.separator ? StreamSource::kLongest : ipc::kLongestArgument) {}

Source::State Batcher::next_record(Record& record) {
  if (left_over_) {
    record = std::move(*left_over_);
    left_over_.reset();
    return Source::State::record;
  }
  for (unsigned skipped = 0; skipped < kPatience; ++skipped) {
    const Source::State state = source_.next(record);
    if (state != Source::State::record) return state;
    if (skip_empty_ && std::ranges::all_of(record.fields, &std::string::empty)) continue;
    return state;
  }
  return Source::State::busy;
}

Unfit Batcher::judge(const Record& record) const {
  if (record.too_long) return Unfit::too_long;
  for (const auto& field : record.fields) {
    if (field.size() > longest_) return Unfit::too_long;
    if (lines_may_hold_nul_ && field.find('\0') != std::string::npos) return Unfit::nul_byte;
  }
  return Unfit::no;
}

bool Batcher::has_room_for(const Record& record) const {
  return partial_.fields.empty() || (partial_.fields.size() < max_records_ &&
                                     cost(record) <= max_bytes_ - std::min(max_bytes_, partial_bytes_));
}

void Batcher::add(Record&& record) {
  partial_bytes_ += cost(record);
  partial_.claim = record.claim;
  std::ranges::move(record.fields, std::back_inserter(partial_.fields));
}

Source::State Batcher::next(JobInput& input) {
  Record record;
  Source::State state = Source::State::record;
  for (unsigned taken = 0;; ++taken) {
    if (taken == kPatience) return Source::State::busy;
    // A job that is full goes out before another record is asked for.
    if (!partial_.fields.empty() && (max_records_ == 1 || partial_.fields.size() >= max_records_)) break;
    state = next_record(record);
    if (state == Source::State::pending || state == Source::State::busy) return state;
    if (state == Source::State::end) {
      if (partial_.fields.empty()) return state;
      break;
    }
    const Unfit unfit = judge(record);
    if (partial_.fields.empty() && unfit != Unfit::no) {
      input = {std::move(record.fields), unfit, record.claim};
      return state;
    }
    // One that can never run is a job of its own, after those before it.
    if (unfit != Unfit::no || !has_room_for(record)) {
      left_over_ = std::move(record);
      break;
    }
    add(std::move(record));
  }
  input = std::exchange(partial_, {});
  partial_bytes_ = 0;
  return Source::State::record;
}
