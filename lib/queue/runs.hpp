#pragma once
/// The runs of a queue and where they are: in a priority's list, among the timers, or with a holder. Each function keeps
/// the lists, the heap and the counters of the header in step; all go through the journal, inside a Section.

#include <cstdint>
#include <optional>

#include "queue/record.hpp"
#include "queue/store.hpp"

namespace queue {

class Runs {
 public:
  explicit Runs(Store& store) noexcept : store_(store), journal_(store.journal()) {}

  /// What the run that is to be made is about.
  struct Extent {
    Number segment = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t last = 0;
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;
  };
  /// A new run that is nowhere yet; reserve_runs() has made room.
  [[nodiscard]] Number make(const Extent& extent, int priority, std::uint8_t flags);

  // From nowhere to a place
  void enqueue(Number number);
  /// To the front; but with the oldest first, those that are older and have come back before it stay there.
  void come_back(Number number);
  void delay(Number number, std::int64_t due, bool goes_first);
  void hold(Number number, Number holder, std::int64_t since);
  void lend(Number number, std::int64_t until);
  /// The first run of a list that is not empty.
  [[nodiscard]] Number first_queued(int priority) const;
  /// From its place to nowhere.
  void withdraw(Number number);

  /// Cuts off a part: the first `count` records, up to `cut` (their last is at `last`), or with `from_end` those that
  /// begin at `cut`; then `last` is the last that stays. The part is a new run, nowhere; the rest stays where it is.
  [[nodiscard]] Number split(Number number, std::uint32_t cut, std::uint32_t last, std::uint32_t count,
                             std::uint32_t bytes, bool from_end);
  /// What split() has cut off the front of a queued run goes back, next to it.
  void put_back_front(Number part, Number rest);
  /// Appends records to a run that stays where it is.
  void extend(Number number, const Extent& extent);
  /// It ends for good: its records are settled and its segment perhaps free. A commit must come before the next.
  void drop(Number number);
  /// It is no run any more; its records stay what they are.
  void dissolve(Number number);
  /// Its records are elsewhere from now on. Their old place stays as it is: until the copies are safe, it is what a
  /// power cut leaves.
  void relocate(Number number, const Extent& extent);

  /// The run is in its list next to one that it continues, and that is like it: they become one.
  void join_neighbours(Number number);

  /// Moves a few runs from the end of a table that is mostly free into its gaps, and gives back what is free at the
  /// end. Commits; nothing else may be under way.
  void tighten();

 private:
  void free_run(Number number);
  void take_free(Number number);
  void count(const Run& run, bool in);
  void enter(Number number, Number before);
  void link(List& list, Number number, Number before);
  void unlink(List& list, Number number);
  void show_waiting(int priority);
  void enter_segment(Number number);
  void leave_segment(Number number);
  void settle_extent(const Run& run);
  [[nodiscard]] std::uint64_t first_id(const Run& run) const;
  [[nodiscard]] bool continues(const Run& first, const Run& second) const noexcept;
  void move_entry(Number from, Number to);

  Store& store_;
  Journal& journal_;
};

/// The first record of a run, whose id is the lowest of it; none when it cannot be read.
[[nodiscard]] std::optional<RecordHead> first_head(Store& store, const Run& run);

}  // namespace queue
