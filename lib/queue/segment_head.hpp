#pragma once
/// What a segment file begins with, and how far that, or what else is in it, shows that it is the segment that it
/// should be.

#include <cstdint>
#include <optional>
#include <string>

#include "ipc/fd.hpp"
#include "queue/format.hpp"

namespace queue {

/// How sure it is. A file that has no head left can be read, as each record shows what it is; but it may be anything.
enum class Standing : std::uint8_t {
  headless,  ///< to be read
  proven,    ///< by one copy of the head, or the first record: also for marking what is settled
  whole,     ///< and to be added to
};

/// Opens the file of segment `number`; none when it is missing, or cannot be a segment. Throws ipc::BadValue for a link,
/// which somebody has laid there; ipc::Error.
[[nodiscard]] ipc::Fd open_segment(int directory, std::uint32_t number);
/// Nothing when the file is something else. Throws ipc::Error.
[[nodiscard]] std::optional<Standing> standing_of(int fd, const SegmentEntry& entry);

/// The bytes of both copies, from the first on.
[[nodiscard]] std::string encode_heads(const SegmentEntry& entry);
/// Reads and checks the copy at `offset`; false when it is none.
[[nodiscard]] bool read_head(int fd, std::uint32_t offset, SegmentHead& head) noexcept;
/// The salt of a segment file of `size` bytes that has lost its heads, or one as good: from its first record, which the
/// second or its body must confirm. Throws ipc::Error.
[[nodiscard]] std::optional<std::uint64_t> find_salt(int fd, std::uint32_t size);

/// "seg-N", and what it is called when it is of no use any more.
[[nodiscard]] std::string segment_name(std::uint32_t number);
[[nodiscard]] std::string damaged_name(std::uint32_t number);
/// Gives the file that other name, so that somebody can look at it.
void set_aside(int directory, std::uint32_t number) noexcept;

}  // namespace queue
