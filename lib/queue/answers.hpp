#pragma once
/// Answers to messages: a file each, called after the message's id in the directory `answers`. It begins as a place that
/// is kept, and is replaced by the answer as a whole. Who waits for one makes a bell of his own, ID.bell.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ipc/duration.hpp"
#include "queue/file_queue.hpp"
#include "queue/store.hpp"

namespace queue {

/// All inside a Section. Throws ipc::Error.
class Answers {
 public:
  explicit Answers(Store& store) noexcept : store_(store) {}

  /// For messages that are about to be put.
  void keep_places(std::uint64_t first, std::size_t count, ipc::Duration keep_for);
  /// Where a place was kept; otherwise nobody wants it. `is_dropped`: there will be none.
  void store(std::uint64_t id, int status, std::string_view bytes, bool is_dropped);
  /// There will be none, for those messages of a run that have none yet.
  void drop(const Run& run);
  /// Removes those that nobody has read in their time, once in a while.
  void sweep();
  [[nodiscard]] FileQueue::Answer look(std::uint64_t id);
  /// It has been read.
  void remove(std::uint64_t id) noexcept;

 private:
  Store& store_;
};

}  // namespace queue
