#include "queue/segment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "ipc/error.hpp"
#include "queue/store.hpp"

namespace queue {
namespace {

constexpr std::uint64_t kStep = 1U << 20;
constexpr std::uint64_t kPage = 4096;

/// The bit of the byte offset in the segment; those behind the first data of a large one have none.
std::uint32_t bit_of(std::uint32_t offset) noexcept { return std::min(offset, kSegmentSize) / kBitGrain; }

}  // namespace

std::string damage_of(std::uint32_t number) {
  return segment_name(number) + " is damaged: messages are lost";
}

int SegmentCache::descriptor(int directory, const SegmentEntry& entry, Standing least) {
  for (const Place& place : places_) {
    if (place.number == entry.number && place.salt == entry.salt && place.file)
      return place.standing >= least ? place.file.get() : -1;
  }
  ipc::Fd file = open_segment(directory, entry.number);
  const auto standing = file ? standing_of(file.get(), entry) : std::nullopt;
  if (!standing) return -1;
  const int fd = file.get();
  add(entry, std::move(file), *standing);
  return *standing >= least ? fd : -1;
}

void SegmentCache::add(const SegmentEntry& entry, ipc::Fd file, Standing standing) noexcept {
  places_[next_] = {entry.number, entry.salt, standing, std::move(file)};
  next_ = (next_ + 1) % places_.size();
}

void SegmentCache::forget(std::uint32_t number) noexcept {
  for (Place& place : places_) {
    if (place.number == number) place = {};
  }
}

void SegmentCache::forget_removed(Store& store) {
  const auto is_there = [&](const Place& place) {
    for (Number number = store.header().segments; number > 0; --number) {
      const SegmentEntry& entry = store.segment(number);
      if (entry.number == place.number && entry.salt == place.salt) return true;
    }
    return false;
  };
  for (Place& place : places_) {
    if (place.file && !is_there(place)) place = {};
  }
}

ipc::Fd make_segment(Store& store, SegmentEntry& entry, std::uint64_t room) {
  const std::string name = segment_name(entry.number);
  const mode_t mode = store.header().mode;
  ipc::Fd file = open_in(store.directory(), name.c_str(), O_RDWR | O_CREAT | O_TRUNC, mode);
  if (::fchmod(file.get(), mode) != 0 && errno != EPERM) ipc::throw_errno("set mode", name);
  const int errnum = allocate(file.get(), 0, static_cast<off_t>(kDataBegin));
  if (errnum != 0) throw ipc::Error(errnum, "", name);
  store.journal().set(entry.room, kDataBegin);
  store.journal().add(store.header().room, kDataBegin);
  make_room(store, entry, file.get(), kDataBegin + room);
  write_at(file.get(), encode_heads(entry), kFirstHead);
  return file;
}

void make_room(Store& store, SegmentEntry& entry, int fd, std::uint64_t end) {
  if (end <= entry.room) return;
  const std::uint64_t needed = (end + kPage - 1) / kPage * kPage;
  const std::uint64_t wanted =
      std::clamp<std::uint64_t>(entry.room + kStep, needed, std::max<std::uint64_t>(needed, entry.size));
  std::uint64_t got = wanted;
  int errnum = allocate(fd, static_cast<off_t>(entry.room), static_cast<off_t>(wanted));
  if (errnum == ENOSPC && wanted > needed) {
    got = needed;
    errnum = allocate(fd, static_cast<off_t>(entry.room), static_cast<off_t>(needed));
  }
  if (errnum != 0) {
    // Part of it may have been had: the disk is full enough without it.
    if (::ftruncate(fd, static_cast<off_t>(entry.room)) != 0)
      ipc::throw_errno("", segment_name(entry.number));
    throw ipc::Error(errnum, "", segment_name(entry.number));
  }
  store.journal().add(store.header().room, got - entry.room);
  store.journal().set(entry.room, static_cast<std::uint32_t>(got));
}

void change_live(Store& store, SegmentEntry& entry, std::int64_t by) {
  store.journal().add(entry.live, static_cast<std::uint32_t>(by));
  store.journal().add(store.header().live, static_cast<std::uint64_t>(by));
}

void release_segment(Store& store, SegmentEntry& entry) {
  store.journal().subtract(store.header().room, entry.room);
  store.journal().set(store.header().unlinking, entry.number);
  store.journal().set(store.header().setting_aside, entry.is_kept);
  store.journal().set(entry.number, 0);
}

std::size_t read_at(int fd, std::span<char> room, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < room.size()) {
    const ssize_t n = ::pread(fd, room.data() + done, room.size() - done, static_cast<off_t>(offset + done));
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ipc::throw_errno("read", "segment");
    done += static_cast<std::size_t>(n);
  }
  return done;
}

void write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ipc::throw_errno("write", "segment");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void mark_settled(Store& store, const Stretch& stretch) {
  const SegmentEntry& entry = store.segment(stretch.segment);
  if (entry.number == 0) return;  // it goes as a whole
  const int fd = store.segment_descriptor(entry, Standing::proven);
  if (fd < 0) return;
  const std::uint32_t from = bit_of(stretch.begin);
  // A large segment holds one record alone.
  const std::uint32_t to = entry.size > kSegmentSize ? from + 1 : bit_of(stretch.end);
  if (from >= to) return;
  const std::uint64_t at = kSegmentHeader + from / 8;
  const std::size_t count = (to - 1) / 8 - from / 8 + 1;
  std::vector<char> bits(count, '\0');
  if (read_at(fd, bits, at) != count) return;
  const auto low = static_cast<unsigned char>(0xFFU << from % 8);
  const auto high = static_cast<unsigned char>(0xFFU >> (7 - (to - 1) % 8));
  const auto put = [&](std::size_t i, unsigned mask) {
    bits[i] = static_cast<char>(static_cast<unsigned char>(bits[i]) | mask);
  };
  if (count == 1) {
    put(0, low & high);
  } else {
    put(0, low);
    std::fill(bits.begin() + 1, bits.end() - 1, static_cast<char>(0xFF));
    put(count - 1, high);
  }
  write_at(fd, {bits.data(), bits.size()}, at);
}

void wipe_unfinished(Store& store) {
  const Stretch& writing = store.header().writing;
  const SegmentEntry& entry = store.segment(writing.segment);
  if (entry.number == 0 || entry.used == 0) return;  // the segment itself was undone
  const int fd = store.segment_descriptor(entry, Standing::proven);
  if (fd < 0) return;
  struct stat status {};
  if (::fstat(fd, &status) != 0) ipc::throw_errno("", segment_name(entry.number));
  const auto end = std::min<std::uint64_t>(writing.end, static_cast<std::uint64_t>(status.st_size));
  static constexpr char kZeros[65536] = {};
  for (std::uint64_t at = entry.used; at < end;) {
    const std::uint64_t part = std::min<std::uint64_t>(end - at, sizeof kZeros);
    write_at(fd, {kZeros, static_cast<std::size_t>(part)}, at);
    at += part;
  }
}

SettledBits::SettledBits(int fd) {
  static_cast<void>(read_at(fd, {reinterpret_cast<char*>(bits_.data()), bits_.size()}, kSegmentHeader));
}

}  // namespace queue
