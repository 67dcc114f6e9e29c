#pragma once
/// Messages on their way in: built as records outside of the lock, and added under it as far as there is room.

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>

#include "queue/answers.hpp"
#include "queue/append.hpp"
#include "queue/compaction.hpp"
#include "queue/queue.hpp"
#include "queue/runs.hpp"

namespace queue {

class Incoming {
 public:
  /// All are borrowed.
  Incoming(Store& store, Runs& runs, Answers& answers, Compactor& compactor) noexcept
      : store_(store), runs_(runs), answers_(answers), compactor_(compactor) {}

  struct Progress {
    std::size_t added = 0;  ///< of what was prepared, so far
    Stop stop = Stop::none;
    std::uint64_t first_id = 0;
  };
  /// Returns how many messages have been prepared: fewer than all when one is too large. Large ones are borrowed.
  [[nodiscard]] std::size_t prepare(std::span<const std::string_view> messages, const PutOptions& options);
  void prepare_dead_letter(const Message& message, const Death& death);
  /// Adds what there is room for. Commits.
  void add(Section& section, const PutOptions& options, std::uint8_t flags, Progress& progress);

  /// The numbers of segments that have been written to.
  [[nodiscard]] std::set<std::uint32_t>& unsynced() noexcept { return unsynced_; }

 private:
  [[nodiscard]] std::size_t room_for(std::size_t first) const noexcept;
  void place_run(const Runs::Extent& extent, const PutOptions& options, std::uint8_t flags);

  Store& store_;
  Runs& runs_;
  Answers& answers_;
  Compactor& compactor_;
  RecordBatch records_;
  std::set<std::uint32_t> unsynced_;
};

}  // namespace queue
