#pragma once
/// Segment files: their making, their records, and the bits that say which of them are settled.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ipc/fd.hpp"
#include "queue/header.hpp"
#include "queue/segment_head.hpp"

namespace queue {

class Store;

/// The few segment files that are in use at a time, open.
class SegmentCache {
 public:
  /// Borrowed until the next call but one; -1 when the file is missing, another, or of less than that standing. Throws
  /// ipc::Error.
  [[nodiscard]] int descriptor(int directory, const SegmentEntry& entry, Standing least);
  /// Of a file that has just been made.
  void add(const SegmentEntry& entry, ipc::Fd file, Standing standing = Standing::whole) noexcept;
  void forget(std::uint32_t number) noexcept;
  /// Closes the files of segments that others have removed: open, they would keep their place on the disk.
  void forget_removed(Store& store);

 private:
  struct Place {
    std::uint32_t number = 0;
    std::uint64_t salt = 0;  ///< a number can come again, when a new segment was undone
    Standing standing = Standing::headless;
    ipc::Fd file;
  };
  std::array<Place, 4> places_;
  std::size_t next_ = 0;
};

/// Makes the file of `entry` (number, salt and size are set), with room for `room` bytes; returns it. Sets entry.room by
/// the journal. Throws ipc::Error.
[[nodiscard]] ipc::Fd make_segment(Store& store, SegmentEntry& entry, std::uint64_t room);

/// Makes sure that the file has blocks up to `end`, in steps of a MiB where the disk allows it. Throws ipc::Error.
void make_room(Store& store, SegmentEntry& entry, int fd, std::uint64_t end);

/// Adds to what is live in segment `entry` (a negative number: takes off), and in all.
void change_live(Store& store, SegmentEntry& entry, std::int64_t by);
/// Its file goes with the next commit, and the entry is free; one segment a commit.
void release_segment(Store& store, SegmentEntry& entry);

/// Reads up to room.size() bytes; fewer at the end of the file. Throws ipc::Error.
[[nodiscard]] std::size_t read_at(int fd, std::span<char> room, std::uint64_t offset);
/// Throws ipc::Error.
void write_at(int fd, std::string_view bytes, std::uint64_t offset);

/// Sets the bits of what begins in `stretch`. Can be done again. Throws ipc::Error.
void mark_settled(Store& store, const Stretch& stretch);
/// Zeros what a killed process has appended without making it part of the queue.
void wipe_unfinished(Store& store);

/// Which records of a segment are settled, read whole.
class SettledBits {
 public:
  explicit SettledBits(int fd);
  [[nodiscard]] bool has(std::uint32_t offset) const noexcept {
    const std::uint32_t bit = offset / kBitGrain;
    return bit / 8 < bits_.size() && (bits_[bit / 8] >> bit % 8 & 1) != 0;
  }

 private:
  std::array<unsigned char, kSegmentSize / kBitGrain / 8> bits_{};
};

/// What is said of a segment when records of it cannot be read.
[[nodiscard]] std::string damage_of(std::uint32_t number);

}  // namespace queue
