#include "queue/incoming.hpp"

#include <algorithm>

#include "ipc/wall_timer.hpp"
#include "queue/bell.hpp"

namespace queue {

std::size_t Incoming::prepare(std::span<const std::string_view> messages, const PutOptions& options) {
  records_.clear();
  RecordHead head;
  head.put_at = ipc::wall_time();
  head.priority = static_cast<std::uint8_t>(options.priority);
  std::string extra;
  if (options.delay.count() > 0) {
    head.flags |= kDelayed;
    extra = encode_extra(kDelayed, {ipc::wall_time_after(options.delay), {}});
  }
  if (options.wants_answer) head.flags |= kWantsAnswer;
  const Header& now = store_.header();  // its limits never change
  const std::uint64_t largest =
      now.max_bytes == 0 ? now.max_message : std::min(now.max_message, now.max_bytes);
  for (const std::string_view message : messages) {
    if (message.size() > largest) break;
    records_.add(head, extra, message);
  }
  return records_.size();
}

/// How many of the records from `first` on the bounds let in now.
std::size_t Incoming::room_for(std::size_t first) const noexcept {
  const Header& now = store_.header();
  std::size_t count = records_.size() - first;
  if (now.max_messages != 0) {
    const std::uint64_t waiting = now.queued + now.delayed;
    count = std::min<std::uint64_t>(count, now.max_messages > waiting ? now.max_messages - waiting : 0);
  }
  if (now.max_bytes == 0) return count;
  std::uint64_t bytes = now.bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += records_.message_size(first + i);
    if (bytes > now.max_bytes) return i;
  }
  return count;
}

/// Makes the records in `extent` part of the queue.
void Incoming::place_run(const Runs::Extent& extent, const PutOptions& options, std::uint8_t flags) {
  if (options.delay.count() > 0) {
    // A waiting getter must hear of a new earliest time.
    ring(store_.directory(), kGetBell);
    runs_.delay(runs_.make(extent, options.priority, flags), ipc::wall_time_after(options.delay), false);
    return;
  }
  // Who waits has found nothing: otherwise somebody is about to look.
  if (store_.header().waiting == 0) ring(store_.directory(), kGetBell);
  const List& list = store_.header().lists[options.priority];
  const Number neighbour = store_.header().lifo ? list.head : list.tail;
  if (neighbour != 0) {
    const Run& run = store_.run(neighbour);
    if (run.segment == extent.segment && run.end == extent.begin && run.flags == flags && run.attempts == 0) {
      return runs_.extend(neighbour, extent);
    }
  }
  runs_.enqueue(runs_.make(extent, options.priority, flags));
}

void Incoming::add(Section& section, const PutOptions& options, std::uint8_t flags, Progress& progress) {
  if (is_removed(store_.header()) || store_.header().is_closed) {
    progress.stop = is_removed(store_.header()) ? Stop::removed : Stop::closed;
    return;
  }
  std::size_t room = room_for(progress.added);
  while (room > 0) {
    store_.reserve_runs(1);
    if (options.delay.count() > 0) store_.reserve_timers(1);
    const Runs::Extent extent = Appender(store_).append(records_, progress.added, room);
    if (progress.first_id == 0) progress.first_id = store_.header().next_id;
    if (options.wants_answer) answers_.keep_places(store_.header().next_id, extent.count, options.keep);
    store_.journal().add(store_.header().next_id, extent.count);
    store_.journal().add(store_.header().puts, extent.count);
    place_run(extent, options, flags);
    unsynced_.insert(store_.segment(extent.segment).number);
    const SegmentEntry& entry = store_.segment(extent.segment);
    // Nobody adds to a large one: it is not kept open, and goes when it is taken.
    if (entry.size > kSegmentSize) store_.files().forget(entry.number);
    section.commit();
    progress.added += extent.count;
    compactor_.go_on(section, extent.end - extent.begin);
    room -= extent.count;
  }
  progress.stop = progress.added < records_.size() ? Stop::full : Stop::none;
}

void Incoming::prepare_dead_letter(const Message& message, const Death& death) {
  records_.clear();
  RecordHead head;
  head.put_at = ipc::wall_time();
  head.priority = static_cast<std::uint8_t>(message.priority);
  head.flags = kDeadLetter;
  records_.add(head, encode_extra(kDeadLetter, {0, death}), message.bytes);
}

}  // namespace queue
