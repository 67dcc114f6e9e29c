#include "queue/record.hpp"

#include <bit>
#include <cstring>

#include "ipc/crc32c.hpp"

namespace queue {
namespace {

/// As it lies on the disk, in the machine's own byte order (Header::byte_order tells a foreign one).
struct Image {
  std::uint32_t crc;  ///< of the rest, salt and offset
  std::uint32_t body_crc;
  std::uint64_t id;
  std::uint64_t stamp;  ///< microseconds << 12 | flags << 4 | priority
  std::uint32_t length;
  std::uint32_t back;
};
static_assert(sizeof(Image) == kRecordHeader);

struct DeathRecord {
  std::int32_t status;
  std::uint32_t attempts;
  std::uint64_t error_length;
};

std::uint32_t checksum(const Image& image, RecordPlace place) noexcept {
  struct {
    std::uint64_t salt;
    std::uint64_t offset;
  } const seed{place.salt, place.offset};
  const std::uint32_t before = ipc::crc32c({reinterpret_cast<const char*>(&seed), sizeof seed});
  return ipc::crc32c({reinterpret_cast<const char*>(&image) + 4, sizeof image - 4}, before);
}

template <class T>
[[nodiscard]] bool cut_off(std::string_view& bytes, T& into) noexcept {
  if (bytes.size() < sizeof into) return false;
  std::memcpy(&into, bytes.data(), sizeof into);
  bytes.remove_prefix(sizeof into);
  return true;
}

template <class T>
void append(std::string& to, const T& from) {
  to.append(reinterpret_cast<const char*>(&from), sizeof from);
}

}  // namespace

void encode(const RecordHead& head, RecordPlace place, char* to) noexcept {
  Image image{};
  image.body_crc = head.body_crc;
  image.id = head.id;
  image.stamp = static_cast<std::uint64_t>(head.put_at / 1000) << 12 | std::uint64_t{head.flags} << 4 |
                (head.priority & 15U);
  image.length = head.length;
  image.back = head.back;
  image.crc = checksum(image, place);
  std::memcpy(to, &image, sizeof image);
}

std::optional<RecordHead> decode(const char* from, RecordPlace place) noexcept {
  Image image;
  std::memcpy(&image, from, sizeof image);
  if (image.id == 0 || image.crc != checksum(image, place)) return std::nullopt;
  RecordHead head;
  head.id = image.id;
  head.put_at = static_cast<std::int64_t>(image.stamp >> 12) * 1000;
  head.length = image.length;
  head.back = image.back;
  head.body_crc = image.body_crc;
  head.priority = image.stamp & 15U;
  head.flags = static_cast<std::uint8_t>(image.stamp >> 4 & 0xFF);
  if (head.priority >= kPriorities) return std::nullopt;
  return head;
}

/// A checksum is linear: what each bit of the salt does to it is the same whatever else there is. The 32 low bits do
/// all that can be done, and are found by elimination.
std::uint64_t salt_for(const char* from, std::uint32_t offset) noexcept {
  Image image;
  std::memcpy(&image, from, sizeof image);
  struct {
    std::uint32_t effect;
    std::uint32_t salt;
  } reduced[32] = {};  // each by its highest bit
  const std::uint32_t without = checksum(image, {0, offset});
  const auto reduce = [&](std::uint32_t effect, std::uint32_t salt, bool keep) {
    while (effect != 0) {
      auto& other = reduced[std::bit_width(effect) - 1];
      if (other.effect == 0) {
        if (keep) other = {effect, salt};
        break;
      }
      effect ^= other.effect;
      salt ^= other.salt;
    }
    return salt;
  };
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t salt = std::uint32_t{1} << bit;
    reduce(checksum(image, {salt, offset}) ^ without, salt, true);
  }
  return reduce(image.crc ^ without, 0, false);
}

std::string encode_extra(std::uint8_t flags, const BodyExtra& extra) {
  std::string bytes;
  if ((flags & kDelayed) != 0) append(bytes, extra.due);
  if ((flags & kDeadLetter) != 0) {
    append(bytes, DeathRecord{extra.death.status, extra.death.attempts, extra.death.error.size()});
    bytes += extra.death.error;
  }
  return bytes;
}

std::optional<BodyExtra> cut_extra(std::uint8_t flags, std::string_view& body) noexcept {
  BodyExtra extra;
  if ((flags & kDelayed) != 0 && !cut_off(body, extra.due)) return std::nullopt;
  if ((flags & kDeadLetter) != 0) {
    DeathRecord death{};
    if (!cut_off(body, death) || death.error_length > body.size()) return std::nullopt;
    extra.death.status = death.status;
    extra.death.attempts = death.attempts;
    extra.death.error = body.substr(0, death.error_length);
    body.remove_prefix(death.error_length);
  }
  return extra;
}

}  // namespace queue
