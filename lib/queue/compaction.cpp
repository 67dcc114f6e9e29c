#include "queue/compaction.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"
#include "queue/append.hpp"
#include "queue/run_reader.hpp"

namespace queue {
namespace {

/// Records that are moved in one change.
constexpr std::size_t kStep = 64;
constexpr std::uint64_t kHeadStart = 3U << 20;
constexpr std::size_t kWindow = std::size_t{256} << 10;

}  // namespace

bool Compactor::takes_too_much() const noexcept {
  // Begun a little before the bound, so that it holds while it goes on.
  return header().room + kHeadStart > 2 * header().live + 2ULL * kSegmentSize;
}

/// The emptiest one is to be emptied.
void Compactor::choose_sparse(Section& section) {
  const Number last = header().last_segment;
  Number best = 0;
  for (Number number = 1; number <= header().segments; ++number) {
    const SegmentEntry& entry = store_.segment(number);
    if (entry.number == 0 || number == last || entry.is_broken || entry.live >= entry.room / 2) continue;
    if (best == 0 || entry.live < store_.segment(best).live) best = number;
  }
  if (best == 0) return;
  store_.journal().set(header().compacting, best);
  // With no last one its records go to a new one.
  store_.journal().set(header().compact_from,
                       last != 0 ? store_.segment(last).number : header().next_segment);
  section.commit();
}

/// The copies that have been made are safe from now on.
void Compactor::sync_copies() {
  for (Number number = 1; number <= header().segments && !header().no_sync; ++number) {
    const SegmentEntry& other = store_.segment(number);
    if (other.number == 0 || other.number < header().compact_from) continue;
    const int fd = store_.segment_descriptor(other);
    if (fd >= 0) insist_on(sync_data(fd), store_.path());
  }
  if (!header().no_sync) {
    const ipc::Fd directory = open_in(store_.directory(), ".", O_RDONLY | O_DIRECTORY);
    insist_on(sync_file(directory.get()), store_.path());
  }
}

/// Compaction of a segment has ended: what is empty goes now.
void Compactor::end_compaction(Section& section) {
  sync_copies();
  store_.journal().set(header().compacting, 0);
  section.commit();
  for (Number number = 1; number <= header().segments; ++number) {
    SegmentEntry& entry = store_.segment(number);
    if (entry.number == 0 || entry.runs != 0 || number == header().last_segment) continue;
    release_segment(store_, entry);
    section.commit();
  }
}

/// Moves the first records of a run; returns how many bytes, 0 when they cannot be read.
std::uint64_t Compactor::move_records(Section& section, Number number) {
  const Run run = store_.run(number);
  if (run.segment != header().compacting) throw Damaged("the list of a segment");
  const SegmentEntry& entry = store_.segment_of(run);
  const int fd = store_.segment_descriptor(entry);
  if (fd < 0) return 0;
  // Only what is queued can be long; what somebody holds must stay in one piece.
  const bool may_cut = run.state == RunState::queued;
  RunReader source;
  std::vector<Found> records_there;
  const auto part = source.read(fd, entry.salt, run, may_cut ? kStep : run.count, false,
                                may_cut ? kWindow : run.end - run.begin, records_there);
  RecordBatch copies;
  for (const Found& one : records_there) {
    std::string_view body = one.body;
    // A damaged one is left behind, and told of when its turn comes.
    if (!one.is_sound() || !cut_extra(one.head.flags, body)) return 0;
    copies.add(one.head, one.body.substr(0, one.body.size() - body.size()), body);
  }
  // Records must keep their distances, for whoever holds them.
  if (copies.size() == 0 || source.damaged() > 0) return 0;
  store_.reserve_runs(1);
  Number moving = number;
  if (part) {
    moving = runs_.split(number, part->cut, part->last, part->count, part->bytes, false);
    runs_.put_back_front(moving, number);
  }
  const std::uint64_t bytes = store_.run(moving).end - store_.run(moving).begin;
  runs_.relocate(moving, Appender(store_).append(copies, 0, copies.size(), true));
  if (may_cut) runs_.join_neighbours(moving);
  section.commit();
  return bytes;
}

void Compactor::go_on_until(Section& section, std::uint64_t bytes) {
  // Faster than it becomes necessary.
  for (std::uint64_t moved = 0; moved < 16 * bytes;) {
    if (header().compacting == 0 && takes_too_much()) choose_sparse(section);
    if (header().compacting == 0) return;
    SegmentEntry& entry = store_.segment(header().compacting);
    if (entry.runs == 0) {
      end_compaction(section);
      continue;
    }
    const std::uint64_t step = move_records(section, entry.runs);
    if (step == 0) {
      // It stays as it is.
      store_.journal().set(entry.is_broken, true);
      end_compaction(section);
    }
    moved += step;
  }
}

/// Whoever puts or settles has done so: what compaction meets (a full disk) is not theirs to hear of.
void Compactor::go_on(Section& section, std::uint64_t bytes) {
  try {
    go_on_until(section, bytes);
  } catch (const ipc::Error&) {
    section.undo();
  } catch (const Damaged&) {
    section.undo();
    store_.distrust();
  }
}

}  // namespace queue
