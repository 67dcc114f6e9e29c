#pragma once
/// Reads the records of a run from the end that they are taken from.

#include <optional>
#include <vector>

#include "queue/format.hpp"
#include "queue/walker.hpp"

namespace queue {

class RunReader {
 public:
  /// Where a run is to be cut so that what was read is one part, as Runs::split() wants it.
  struct Part {
    std::uint32_t cut = 0;
    std::uint32_t last = 0;
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;
  };

  /// Reads at most `most` records, as many as lie within `window` bytes but at least one, from the front or, with
  /// `from_end`, from the back, the last one first. Returns nothing when that is all of the run. None at all are found
  /// when nothing of it can be read. Views are valid until the next call.
  [[nodiscard]] std::optional<Part> read(int fd, std::uint64_t salt, const Run& run, std::size_t most,
                                         bool from_end, std::size_t window, std::vector<Found>& found);
  /// Bytes that the last read() had to pass over.
  [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_; }
  /// Lets go of memory that a large message took.
  void shrink() { walker_.shrink(); }

 private:
  [[nodiscard]] std::optional<Part> read_front(const Run& run, std::size_t most, std::vector<Found>& found);
  [[nodiscard]] std::optional<Part> read_back(int fd, std::uint64_t salt, const Run& run, std::size_t most,
                                              std::size_t window, std::vector<Found>& found);

  Walker walker_;
  std::uint64_t damaged_ = 0;
};

/// Bytes of the message in a record.
[[nodiscard]] std::uint32_t message_size(const Found& found) noexcept;
/// Of the first `count` of these.
[[nodiscard]] std::uint32_t message_sizes(const std::vector<Found>& found, std::size_t count) noexcept;

}  // namespace queue
