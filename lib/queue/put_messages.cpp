/// What putters do: they build records, add them as far as there is room, and wait for more.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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
    if (is_waiting) waiter->end();
  }
  if (progress.stop == Stop::full && progress.added > 0) progress.stop = Stop::none;
  if (progress.stop == Stop::none && progress.added == prepared && prepared < messages.size()) {
    progress.stop = Stop::too_large;
  }
  return {progress.added, progress.first_id, progress.stop};
}

/// A segment that is new is not safe before its directory entry is.
void FileQueue::sync() {
  Parts& p = *parts_;
  if (p.header().no_sync) p.incoming.unsynced().clear();
  if (p.incoming.unsynced().empty()) return;
  std::vector<std::pair<std::uint32_t, int>> files;
  bool sync_directory = false;
  p.locked([&](Section&) {
    for (Number number = p.header().segments; number > 0; --number) {
      const SegmentEntry& entry = p.store.segment(number);
      if (entry.number == 0 || !p.incoming.unsynced().contains(entry.number)) continue;
      const int fd = p.store.segment_descriptor(entry);
      if (fd >= 0) files.emplace_back(entry.number, ipc::duplicate(fd).release());
      sync_directory |= !entry.is_named;
    }
  });
  int errnum = 0;
  for (const auto& [number, fd] : files) {
    const ipc::Fd file(fd);
    if (const int failed = fd < 0 ? EBADF : sync_data(fd); failed != 0) errnum = failed;
  }
  if (errnum == 0 && sync_directory) {
    const ipc::Fd directory = open_in(p.store.directory(), ".", O_RDONLY | O_DIRECTORY);
    errnum = sync_file(directory.get());
  }
  if (errnum != 0) throw ipc::Error(errnum, "sync", p.name);
  if (sync_directory) {
    p.locked([&](Section& section) {
      for (Number number = 1; number <= p.header().segments; ++number) {
        SegmentEntry& entry = p.store.segment(number);
        if (entry.number != 0 && p.incoming.unsynced().contains(entry.number))
          p.store.journal().set(entry.is_named, true);
      }
      section.commit();
    });
  }
  p.incoming.unsynced().clear();
}

}  // namespace queue
