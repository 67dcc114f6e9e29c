#pragma once
/// Messages that were met out of their order when segments were read: compaction has moved them, and may have left
/// another copy of each in a lower segment.

#include <cstdint>
#include <vector>

#include "queue/format.hpp"

namespace queue {

class Copies {
 public:
  /// Message `id` is in `segment`. In the order of reading.
  void add(Number segment, std::uint64_t id);
  /// All have been added: before anything is asked.
  void arrange();

  [[nodiscard]] bool empty() const noexcept { return spans_.empty(); }
  /// Any id from `first` to `last` was added.
  [[nodiscard]] bool has_any(std::uint64_t first, std::uint64_t last) const noexcept;
  /// Any of them was, in a later segment than that.
  [[nodiscard]] bool has_later(std::uint64_t first, std::uint64_t last, Number segment) const noexcept;

 private:
  /// Ids that follow each other. Arranged, they do not overlap, and the segment is the last that has them.
  struct Span {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Number segment = 0;
  };
  [[nodiscard]] std::vector<Span>::const_iterator find(std::uint64_t id) const noexcept;

  std::vector<Span> spans_;
};

}  // namespace queue
