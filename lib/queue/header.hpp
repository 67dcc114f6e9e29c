#pragma once
/// What the file `control` of a queue begins with: its options, counters, and where everything begins (format.hpp).

#include <cstddef>
#include <cstdint>

#include "queue/format.hpp"

namespace queue {

/// A stretch of one segment; segment 0: none.
struct Stretch {
  Number segment;
  std::uint32_t begin;
  std::uint32_t end;
  std::uint32_t unused;
};

struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t byte_order;

  // What it was made like
  std::uint64_t max_messages;  ///< 0: no bound
  std::uint64_t max_bytes;
  std::uint64_t max_message;
  std::uint32_t mode;
  std::uint8_t lifo;
  std::uint8_t no_sync;
  std::uint8_t allow_network;
  std::uint8_t unused;
  std::uint32_t shape_crc;  ///< of all above

  // What the tables are true for; all 0 makes them be built anew
  std::uint64_t boot;
  std::uint64_t device;
  std::uint64_t inode;

  std::uint64_t journal;       ///< entries in the journal, twice; 0: no change is under way
  Stretch writing;             ///< records that are being appended; not journalled
  Stretch settled;             ///< bits that are still to be set
  std::uint32_t unlinking;     ///< the number of a segment whose file is still to be removed
  Number compacting;           ///< the segment that is being emptied
  std::uint32_t compact_from;  ///< the lowest number of those that its records go to
  std::uint8_t is_closed;
  std::uint8_t removal;  ///< kRemoved: its files are going, or have gone
  std::uint8_t untold;   ///< messages were lost when the tables were built anew; no getter has said so yet
  std::uint8_t setting_aside;  ///< the file of that segment is to be renamed, not removed
  std::uint8_t unused2[4];
  std::uint64_t next_id;
  std::uint64_t next_serial;
  std::uint64_t queued;
  std::uint64_t delayed;
  std::uint64_t leased;
  std::uint64_t bytes;  ///< of queued and delayed messages
  std::uint64_t puts;
  std::uint64_t gets;
  std::uint64_t dead;  ///< sent to the dead letters
  std::int64_t swept;  ///< when answers that nobody wants were last removed: seconds since the epoch

  List lists[kPriorities];
  std::uint32_t waiting;  ///< bit P: list P is not empty
  Number free_run;        ///< the first of the free ones; they are linked both ways
  Number free_runs;       ///< how many
  Number runs;            ///< entries of the table that have ever been used; likewise below
  Number segments;
  Number holders;
  Number timers;  ///< in the heap
  Number last_segment;
  std::uint32_t next_segment;  ///< number of the next one
  std::uint32_t active;        ///< holders registered
  std::uint64_t room;          ///< of all segments: what they take up
  std::uint64_t live;          ///< of all segments
  std::uint64_t get_tickets;   ///< drawn by those who wait (turn.hpp); not under the lock
  std::uint64_t put_tickets;
  std::uint64_t runs_bytes;  ///< that the table of runs has on the disk; not journalled
};

/// No single damaged bit makes this out of another value.
inline constexpr std::uint8_t kRemoved = 0xA5;
[[nodiscard]] inline bool is_removed(const Header& header) noexcept { return header.removal == kRemoved; }

/// Messages that are not settled.
[[nodiscard]] inline std::uint64_t unfinished(const Header& header) noexcept {
  return header.queued + header.delayed + header.leased;
}

/// At one of its bounds.
[[nodiscard]] inline bool is_full(const Header& header) noexcept {
  if (header.max_messages != 0 && header.queued + header.delayed >= header.max_messages) return true;
  return header.max_bytes != 0 && header.bytes >= header.max_bytes;
}

/// In the page of the header: a small change touches no other.
inline constexpr std::size_t kJournalBegin = 1024;
inline constexpr std::size_t kControlSize = 24576;
static_assert(sizeof(Header) <= kJournalBegin);

}  // namespace queue
