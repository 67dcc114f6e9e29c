#pragma once
/// Records on their way into a segment: built beforehand, outside of the lock, as far as they do not depend on where
/// they will lie.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "queue/record.hpp"
#include "queue/runs.hpp"
#include "queue/store.hpp"

namespace queue {

class RecordBatch {
 public:
  void clear() noexcept;
  /// `head`: priority, flags and put_at are set; id too when the record has one already, 0 when it is to get a new one.
  /// `bytes` is borrowed until the batch has been written where it is large.
  void add(RecordHead head, std::string_view extra, std::string_view bytes);

  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// Bytes that record `index` takes up in a segment.
  [[nodiscard]] std::uint64_t record_size(std::size_t index) const noexcept {
    return items_[index].head.size();
  }
  [[nodiscard]] std::uint32_t message_size(std::size_t index) const noexcept {
    return static_cast<std::uint32_t>(items_[index].bytes);
  }

  /// Gives records from `first` on the ids from `id` on (those that have none) and writes so many of them to `fd`,
  /// the first at `offset`, `back` bytes behind the record before it. Returns where they are. Throws ipc::Error.
  [[nodiscard]] Runs::Extent write(int fd, std::size_t first, std::size_t count, std::uint64_t salt,
                                   std::uint32_t offset, std::uint32_t back, std::uint64_t id);

 private:
  struct Item {
    RecordHead head;
    std::size_t at = 0;       ///< in the buffer
    std::size_t stored = 0;   ///< bytes there
    std::uint64_t bytes = 0;  ///< of the message
    std::string_view apart;   ///< the message, when it is not in the buffer
  };
  [[nodiscard]] char* extend(std::size_t bytes);

  std::unique_ptr<char[]> buffer_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::vector<Item> items_;
};

/// Puts a batch behind the last record of the queue, beginning a new segment when the last one is full: for those who
/// then say in one change which runs these are.
class Appender {
 public:
  explicit Appender(Store& store) noexcept : store_(store) {}

  /// Writes records of the batch from `first` on, at most `most` of them and as many as go into one segment (at least
  /// one; with `together` all of them). Header::last_segment is theirs then. Throws ipc::Error (ENOSPC); nothing has changed then, once the Section
  /// has ended.
  [[nodiscard]] Runs::Extent append(RecordBatch& batch, std::size_t first, std::size_t most,
                                    bool together = false);

 private:
  void begin_segment(std::uint64_t record);
  [[nodiscard]] bool fits(std::uint64_t record);

  Store& store_;
};

}  // namespace queue
