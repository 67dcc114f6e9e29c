#pragma once
/// Makes runs of the messages that are read from the segments of a queue, when its tables are built anew.
///
/// Ids ascend with the segments and within them, but for what compaction has moved. So each run can go behind all others
/// as soon as it is read, and nothing of it is remembered: as many runs as there may be cost no memory. What comes out of
/// its order is kept until all has been read, and then put in between. Of a message that is there twice the later copy
/// counts, also when it is settled.

#include <cstdint>
#include <vector>

#include "queue/copies.hpp"
#include "queue/runs.hpp"
#include "queue/walker.hpp"

namespace queue {

class Placer {
 public:
  /// Tables without any run. All functions throw ipc::Error.
  explicit Placer(Store& store) : store_(store), runs_(store) {}

  /// A message, in the order of reading; `due`: 0 when it waits.
  void add(Number segment, const Found& found, std::int64_t due);
  /// One that is settled.
  void pass(Number segment, std::uint64_t id);
  /// All have been read.
  void finish();

 private:
  /// Records that will be a run; unless it is the newest of all, of ids that follow each other.
  struct Piece {
    std::uint64_t first_id = 0;
    std::int64_t due = 0;
    Runs::Extent extent;
    std::uint8_t priority = 0;
    std::uint8_t flags = 0;

    [[nodiscard]] std::uint64_t last_id() const noexcept { return first_id + extent.count - 1; }
    [[nodiscard]] bool goes_on_with(const Piece& other) const noexcept;
    void extend(const Piece& other) noexcept;
  };
  static void append(std::vector<Piece>& pieces, const Piece& piece);

  [[nodiscard]] Number make(const Piece& piece);
  void place_newest();
  void put_in_between();
  void take_apart(Number number);
  void take_runs_apart();
  void keep_latest(const Piece& piece);
  void sync_copies();
  void put_back();
  void tidy();

  [[nodiscard]] Number oldest(const List& list) const noexcept;
  [[nodiscard]] Number newer(Number number) const;

  Store& store_;
  Runs runs_;
  Piece newest_;  ///< not yet placed; count 0: none
  std::uint64_t newest_id_ = 0;
  std::uint64_t highest_id_ = 0;
  Copies copies_;            ///< all that came out of their order
  std::vector<Piece> late_;  ///< those of them that wait
  std::vector<Piece> kept_;  ///< what was between copies that do not count
  bool are_synced_ = false;
};

}  // namespace queue
