/// What putters do: they build records, add them as far as there is room, and wait for more.

#include <fcntl.h>

#include <utility>

#include "ipc/error.hpp"
#include "queue/parts.hpp"
#include "queue/waiting.hpp"

namespace queue {

PutResult FileQueue::put(std::span<const std::string_view> messages, const PutOptions& options,
                         ipc::Deadline deadline, Watched watched) {
  Parts& p = *parts_;
  const std::size_t prepared = p.incoming.prepare(messages, options);
  const std::uint8_t flags = options.wants_answer ? kWantsAnswer : 0;
  Incoming::Progress progress;
  bool is_waiting = false;
  auto& waiter = p.putter;
  const WaitingEnds waiting_ends(waiter);
  if (prepared > 0) {
    for (;;) {
      const bool has_turn = is_waiting && waiter->begin();
      p.locked([&](Section& section) {
        p.incoming.add(section, options, flags, progress);
        if (progress.stop == Stop::full && has_turn) static_cast<void>(waiter->sleep({}, {}));
      });
      if (progress.stop != Stop::full) break;
      // The ids of what comes later would not go on from these.
      if (progress.added > 0) break;
      if (!is_waiting) {
        if (deadline == ipc::Deadline::past() || deadline <= ipc::Deadline::now()) break;
        is_waiting = true;
        if (!waiter) waiter.emplace(p.store.directory(), kPutBell, "turn-put", p.header().put_tickets);
        continue;
      }
      const Woken woken = wait_for(waiter->descriptor(), watched, deadline);
      if (woken == Woken::ready) continue;
      if (woken == Woken::watched) progress.stop = Stop::watched;
      break;
    }
  }
  if (progress.stop == Stop::full && progress.added > 0) progress.stop = Stop::none;
  if (progress.stop == Stop::none && progress.added == prepared && prepared < messages.size()) {
    progress.stop = Stop::too_large;
  }
  return {progress.added, progress.first_id, progress.stop};
}

/// A segment that is new is not safe before its directory entry is.
Syncer::Job FileQueue::Parts::what_to_sync() {
  Syncer::Job job;
  job.segments = std::exchange(incoming.unsynced(), {});
  if (header().no_sync || job.segments.empty()) return {};
  bool is_new = false;
  locked([&](Section&) {
    for (Number number = header().segments; number > 0; --number) {
      const SegmentEntry& entry = store.segment(number);
      if (entry.number == 0 || !job.segments.contains(entry.number)) continue;
      const int fd = store.segment_descriptor(entry);
      if (fd >= 0) job.files.push_back(ipc::duplicate(fd));
      is_new |= !entry.is_named;
    }
    if (is_new) job.directory = open_in(store.directory(), ".", O_RDONLY | O_DIRECTORY);
  });
  return job;
}

void FileQueue::Parts::was_synced(Syncer::Job job) {
  if (job.errnum != 0) {
    incoming.unsynced().merge(job.segments);
    throw ipc::Error(job.errnum, "sync", name);
  }
  if (!job.directory) return;
  locked([&](Section& section) {
    for (Number number = 1; number <= header().segments; ++number) {
      SegmentEntry& entry = store.segment(number);
      if (entry.number != 0 && job.segments.contains(entry.number)) store.journal().set(entry.is_named, true);
    }
    section.commit();
  });
}

void FileQueue::sync() {
  Parts& p = *parts_;
  if (p.syncer.has_begun()) p.was_synced(p.syncer.end());
  Syncer::Job job = p.what_to_sync();
  Syncer::run(job);
  p.was_synced(std::move(job));
}

void FileQueue::begin_sync() {
  Parts& p = *parts_;
  if (p.syncer.has_begun()) p.was_synced(p.syncer.end());
  Syncer::Job job = p.what_to_sync();
  if (!job.files.empty()) p.syncer.begin(std::move(job));
}

}  // namespace queue
