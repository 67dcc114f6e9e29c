#pragma once
/// A message as it lies in a segment: a header of 32 bytes, its body, and zeros up to a multiple of 8.
///
/// Written once and never changed. The header is checked by itself, so that a damaged body does not hide what follows;
/// its checksum covers also the segment's salt and the offset, so that no message can pass for a record by its bytes,
/// and nothing that lies elsewhere for one that lies here. After damage to a header the next record is found by trying
/// every multiple of 8.
/// The body is the message, after what its flags announce: when it is due (8 bytes), why it died (a DeathRecord).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "queue/message.hpp"

namespace queue {

inline constexpr std::size_t kRecordHeader = 32;
inline constexpr std::size_t kAlignment = 8;

/// What was known when it was put.
enum RecordFlags : std::uint8_t { kDelayed = 1, kWantsAnswer = 2, kDeadLetter = 4 };

/// The header, decoded.
struct RecordHead {
  std::uint64_t id = 0;
  std::int64_t put_at = 0;   ///< nanoseconds since the epoch, kept to the microsecond
  std::uint32_t length = 0;  ///< of the body
  std::uint32_t back = 0;    ///< bytes from the record before it in its segment; 0 for the first
  std::uint32_t body_crc = 0;
  std::uint8_t priority = 0;
  std::uint8_t flags = 0;

  /// Bytes that it takes up.
  [[nodiscard]] std::uint64_t size() const noexcept {
    return (kRecordHeader + std::uint64_t{length} + kAlignment - 1) / kAlignment * kAlignment;
  }
};

/// Where a record is, for its checksum.
struct RecordPlace {
  std::uint64_t salt = 0;
  std::uint32_t offset = 0;
};

void encode(const RecordHead& head, RecordPlace place, char* to) noexcept;
/// Nothing when those 32 bytes are no header of this place.
[[nodiscard]] std::optional<RecordHead> decode(const char* from, RecordPlace place) noexcept;

/// A salt with which those 32 bytes are a header of this offset. There always is one: whether the bytes are a record,
/// others with the same salt must show.
[[nodiscard]] std::uint64_t salt_for(const char* from, std::uint32_t offset) noexcept;

/// What goes before the message into a body, and how it is read again.
struct BodyExtra {
  std::int64_t due = 0;  ///< nanoseconds since the epoch; with kDelayed
  Death death{};         ///< with kDeadLetter
};
[[nodiscard]] std::string encode_extra(std::uint8_t flags, const BodyExtra& extra);
/// Cuts it off the body; nothing when it does not fit in there.
[[nodiscard]] std::optional<BodyExtra> cut_extra(std::uint8_t flags, std::string_view& body) noexcept;

}  // namespace queue
