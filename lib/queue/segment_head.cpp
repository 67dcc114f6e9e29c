#include "queue/segment_head.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ipc/crc32c.hpp"
#include "ipc/error.hpp"
#include "queue/mapped_file.hpp"
#include "queue/segment.hpp"
#include "queue/walker.hpp"

namespace queue {
namespace {

constexpr std::size_t kWindow = std::size_t{64} << 10;

std::uint32_t checksum(const SegmentHead& head) noexcept {
  return ipc::crc32c({reinterpret_cast<const char*>(&head), offsetof(SegmentHead, crc)});
}

}  // namespace

std::string segment_name(std::uint32_t number) { return "seg-" + std::to_string(number); }

std::string damaged_name(std::uint32_t number) { return "damaged-" + std::to_string(number); }

void set_aside(int directory, std::uint32_t number) noexcept {
  const std::string name = damaged_name(number);
  if (::faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return;
  static_cast<void>(::renameat(directory, segment_name(number).c_str(), directory, name.c_str()));
}

ipc::Fd open_segment(int directory, std::uint32_t number) {
  try {
    return open_if_there(directory, segment_name(number).c_str(), O_RDWR);
  } catch (const ipc::Error& error) {
    if (error.errnum() == ELOOP) throw ipc::BadValue(segment_name(number) + " is a link");
    if (error.errnum() == EISDIR || error.errnum() == ENXIO) return {};
    throw;
  }
}

bool read_head(int fd, std::uint32_t offset, SegmentHead& head) noexcept {
  try {
    return read_at(fd, {reinterpret_cast<char*>(&head), sizeof head}, offset) == sizeof head &&
           std::memcmp(head.magic, kMagic, sizeof kMagic) == 0 && head.version == kVersion &&
           head.crc == checksum(head);
  } catch (const ipc::Error&) {
    return false;  // one that cannot be read is none
  }
}

std::optional<std::uint64_t> find_salt(int fd, std::uint32_t size) {
  char bytes[kRecordHeader];
  if (size < kDataBegin || read_at(fd, bytes, kDataBegin) != sizeof bytes) return std::nullopt;
  const std::uint64_t salt = salt_for(bytes, kDataBegin);
  const auto head = decode(bytes, {salt, kDataBegin});
  if (!head || head->back != 0) return std::nullopt;
  Walker walker;
  walker.start(fd, salt, kDataBegin, size, kWindow);
  const auto first = walker.next();
  if (!first || first->offset != kDataBegin) return std::nullopt;
  const bool is_sound = !first->body.empty() && first->is_sound();
  const std::uint32_t behind = walker.position();
  const auto second = walker.next();
  // Nothing behind it, or what belongs there.
  if (second ? second->offset != behind || second->head.back != behind - kDataBegin
             : !is_sound || walker.damaged() != walker.blank())
    return std::nullopt;
  return salt;
}

/// Usually one look tells.
std::optional<Standing> standing_of(int fd, const SegmentEntry& entry) {
  SegmentHead head{};
  bool is_whole = true;
  for (const std::uint32_t offset : {kFirstHead, kSecondHead}) {
    if (read_head(fd, offset, head)) {
      if (head.salt != entry.salt || head.number != entry.number) return std::nullopt;
      return is_whole ? Standing::whole : Standing::proven;
    }
    is_whole = false;
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  char bytes[kRecordHeader];
  const bool has_first =
      read_at(fd, bytes, kDataBegin) == sizeof bytes && decode(bytes, {entry.salt, kDataBegin}).has_value();
  return has_first ? Standing::proven : Standing::headless;
}

std::string encode_heads(const SegmentEntry& entry) {
  SegmentHead head{};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  head.version = kVersion;
  head.number = entry.number;
  head.salt = entry.salt;
  head.crc = checksum(head);
  const std::string copy(reinterpret_cast<const char*>(&head), sizeof head);
  std::string bytes = copy;
  bytes.resize(kSecondHead - kFirstHead);
  return bytes + copy;
}

}  // namespace queue
