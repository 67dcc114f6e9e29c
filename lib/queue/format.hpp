#pragma once
/// The durable queue on the disk, and why it survives a SIGKILL at any instruction and a power cut at any time.
///
/// A queue is a directory:
///   control    a Header, then the journal; its flock(2) is the lock under which everything changes
///   runs, segments, holders, timers    tables of Run, SegmentEntry, HolderEntry and run numbers, mapped
///   seg-N      a segment: kSegmentHeader bytes, a bit for every 32 bytes of it (set: what begins there is settled),
///              and from kDataBegin on records, which are appended and never change (record.hpp)
///   damaged-N  a segment of which nothing could be read: kept for whoever can make something of it
///   answers/   answers to messages that wanted one
///   bell-*, turn-*    how waiting is done (bell.hpp, turn.hpp, waiter.hpp)
///
/// Messages are not handled one by one but in runs: records that lie one behind the other in one segment, of one
/// priority, in one state. Each run is in exactly one place: in its priority's list (queued), in the heap of timers
/// (delayed, or leased until a time), or in its holder's list (leased). All runs of a segment are in a list of it, too.
/// A put extends the last run of its priority or adds one, a get cuts the front off the first: both cost the same
/// however many messages wait.
///
/// Killed in a change: every store to the header and the tables is preceded by a note of the old value in the journal
/// (journal.hpp). Header::journal = 0 is the commit; whoever locks next and finds it not 0 puts the old values back.
/// What lies outside of the tables is done before the commit where doing it in vain is harmless (records beyond `used`,
/// of which Header::writing tells, so that they are wiped; bells), and after it where it can be repeated: the notes
/// Header::settled (bits to set) and Header::unlinking (a segment to remove) are part of the commit.
///
/// Power cut: nothing of the tables is ever synced. They are believed only when Header::boot, device and inode are
/// those of now; otherwise (a reboot, a copy) they are built anew from the records whose checksums hold and whose bits
/// are not set (rebuild.cpp). put syncs the segments it wrote to, and their directory when a segment is new. The bits
/// are not synced: a power cut may repeat a message, never lose one.
///
/// Damage: each record stands for itself. The head of a segment, which says its salt, is there twice; as long as the
/// tables are believed they say it too, and a segment without a head is read like any other, but nothing is added to
/// it. A rebuild takes either copy of the head, or finds the salt from the first record. A file that nothing shows to be
/// the segment is neither written to nor removed; it is renamed, and its number not used again.
///
/// Holders: a process that holds leases owns a HolderEntry and an open file description lock (fcntl_locking(2)) on a
/// byte of `holders`. An entry in use whose byte is free belongs to a dead one: its runs go back.
///
/// Compaction: when the segments take up more than twice what is live and two segments, the runs of the emptiest are
/// copied to the last segment, some at each put and settling, the copies are synced, and the old segment goes. Until then
/// nothing is marked in it, and no segment goes that has copies. A rebuild that finds both keeps one, and none when
/// either is settled: ids are unique.

#include <cstddef>
#include <cstdint>

#include "queue/message.hpp"

namespace queue {

inline constexpr char kMagic[8] = {'i', 'p', 'c', 'q', 'u', 'e', 'u', 'e'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kByteOrder = 0x01020304;

inline constexpr std::uint32_t kSegmentSize = 16U << 20;
inline constexpr std::uint32_t kSegmentHeader = 4096;
inline constexpr std::uint32_t kBitGrain = 32;  ///< no two records begin within as many bytes
inline constexpr std::uint32_t kDataBegin = kSegmentHeader + kSegmentSize / kBitGrain / 8;

/// Numbers of table entries begin at 1; 0 is none.
using Number = std::uint32_t;

struct List {
  Number head;
  Number tail;
};

enum class RunState : std::uint8_t { free = 0, queued, delayed, held, lent };

/// held: by a process that runs; lent: to the owner of a LEASE, until its time.
struct Run {
  Number segment;
  std::uint32_t begin;  ///< of its first record, in the segment
  std::uint32_t end;    ///< behind its last record
  std::uint32_t last;   ///< of its last record
  std::uint32_t count;
  std::uint32_t bytes;  ///< of the messages
  Number prev;          ///< in its priority's list, its holder's, or that of free runs
  Number next;
  Number segment_prev;
  Number segment_next;
  std::int64_t time;     ///< due (delayed, lent), or since when (held): nanoseconds since the epoch
  std::uint64_t serial;  ///< of the lease (held, lent)
  Number timer;          ///< its place in the heap
  std::uint16_t holder;
  RunState state;
  std::uint8_t priority;
  std::uint32_t attempts;   ///< tries that failed
  std::uint8_t flags;       ///< RecordFlags of its records, but for kDelayed
  std::uint8_t goes_first;  ///< when it is due: to the front
  std::uint16_t unused;
};
static_assert(sizeof(Run) == 72);

struct SegmentEntry {
  std::uint32_t number;    ///< its file is seg-NUMBER; 0: the entry is free
  std::uint32_t used;      ///< where the next record goes
  std::uint32_t room;      ///< up to where the file has blocks
  std::uint32_t size;      ///< up to where it may grow
  std::uint32_t last;      ///< its last record; 0: none
  std::uint32_t live;      ///< bytes of records that are not settled
  Number runs;             ///< its first
  std::uint8_t is_named;   ///< its directory entry is safe from a power cut
  std::uint8_t is_broken;  ///< found damaged: nothing is added to it
  std::uint8_t is_kept;    ///< when it goes, its file stays as damaged-N
  std::uint8_t unused;
  std::uint64_t salt;  ///< also in its file
};
static_assert(sizeof(SegmentEntry) == 40);

inline constexpr Number kMostHolders = 65535;

struct HolderEntry {
  std::int32_t pid;  ///< 0: the entry is free
  std::uint32_t runs_held;
  std::uint64_t pid_space;  ///< the pid namespace that pid is of; 0: not known
  std::uint64_t serial;     ///< which registration this is, for ever
  List runs;
};
static_assert(sizeof(HolderEntry) == 32);

/// What a segment file begins with, twice.
struct SegmentHead {
  char magic[8];
  std::uint32_t version;
  std::uint32_t number;
  std::uint64_t salt;
  std::uint32_t crc;  ///< of the above
  std::uint32_t unused;
};
inline constexpr std::uint32_t kFirstHead = 0;
inline constexpr std::uint32_t kSecondHead = 2048;

}  // namespace queue
