/// Looking in: stat and peek.

#include <algorithm>
#include <deque>

#include "queue/parts.hpp"

namespace queue {
namespace {

constexpr std::size_t kWindow = std::size_t{256} << 10;

/// What peek() needs of a run that it has found. There can be millions.
struct Seen {
  Number segment;
  std::uint32_t begin;
  std::uint32_t end;
  std::uint32_t last;
  std::uint32_t count;
  std::uint32_t attempts;
};

/// The oldest of each list is at one end of it.
void find_oldest(Store& store, FileQueue::Stat& stat) {
  for (const List& list : store.header().lists) {
    for (const Number number : {list.head, list.tail}) {
      const auto head = number != 0 ? first_head(store, store.run(number)) : std::nullopt;
      if (head && (!stat.oldest || head->put_at < *stat.oldest)) stat.oldest = head->put_at;
    }
  }
}

void list_holders(Store& store, FileQueue::Stat& stat) {
  const auto add = [&](const Run& run, pid_t pid) {
    const auto head = first_head(store, run);
    FileQueue::Holder holder;
    holder.pid = pid;
    holder.id = head ? head->id : 0;
    holder.count = run.count;
    holder.attempt = run.attempts + 1;
    (run.state == RunState::lent ? holder.until : holder.since) = run.time;
    stat.holders.push_back(holder);
  };
  const std::uint64_t here = pid_space();
  for (Number number = 1; number <= store.header().holders; ++number) {
    const HolderEntry& entry = store.holder(number);
    if (entry.pid == 0) continue;
    const bool is_elsewhere = entry.pid_space != 0 && entry.pid_space != here;
    std::uint32_t left = entry.runs_held;
    for (Number run = entry.runs.head; run != 0; run = store.run(run).next) {
      if (left-- == 0 || store.run(run).holder != number) throw Damaged("a holder's list");
      add(store.run(run), entry.pid);
      stat.holders.back().is_elsewhere = is_elsewhere;
      store.forget_pages_in_time();
    }
  }
  for (Number place = 1; place <= store.header().timers; ++place) {
    const Run& run = store.run(store.timer(place));
    if (run.state == RunState::lent) add(run, 0);
    store.forget_pages_in_time();
  }
}

}  // namespace

FileQueue::Stat FileQueue::stat() {
  Parts& p = *parts_;
  Stat stat = p.locked([&](Section& section) {
    Stat now;
    if (is_removed(p.header())) return now;
    p.look_around(section);
    const Header& header = p.header();
    now.queued = header.queued;
    now.delayed = header.delayed;
    now.leased = header.leased;
    now.bytes = header.bytes;
    now.puts = header.puts;
    now.gets = header.gets;
    now.closed = header.is_closed;
    now.lifo = header.lifo;
    now.sync = !header.no_sync;
    now.max_messages = header.max_messages;
    now.max_bytes = header.max_bytes;
    find_oldest(p.store, now);
    list_holders(p.store, now);
    return now;
  });
  if (const auto dead = dead_letters()) stat.dead = dead->size().messages;
  return stat;
}

void FileQueue::peek(std::uint64_t most, const std::function<bool(const Message&)>& see) {
  Parts& p = *parts_;
  std::deque<Seen> all;
  std::vector<SegmentEntry> segments;  // they may be gone when they are read
  p.locked([&](Section& section) {
    if (is_removed(p.header())) return;
    p.look_around(section);
    all.clear();
    segments.clear();
    for (Number number = 1; number <= p.header().segments; ++number)
      segments.push_back(p.store.segment(number));
    std::uint64_t count = 0;
    for (int priority = kPriorities - 1; priority >= 0; --priority) {
      for (Number number = p.header().lists[priority].head; number != 0 && count < most;
           number = p.store.run(number).next) {
        const Run& run = p.store.run(number);
        if (run.state != RunState::queued || all.size() == p.header().runs) throw Damaged("a list");
        static_cast<void>(p.store.segment_of(run));
        all.push_back({run.segment, run.begin, run.end, run.last, run.count, run.attempts});
        count += run.count;
        p.store.forget_pages_in_time();
      }
    }
  });
  // Not under the lock: whoever prints them may be slow.
  RunReader reader;
  std::vector<Found> found;
  for (const Seen& seen : all) {
    const SegmentEntry& entry = segments[seen.segment - 1];
    Run run{};
    run.begin = seen.begin;
    run.end = seen.end;
    run.last = seen.last;
    run.count = seen.count;
    const int fd = entry.number != 0 ? p.store.segment_descriptor(entry) : -1;
    while (fd >= 0 && most > 0 && run.begin < run.end) {
      const auto part =
          reader.read(fd, entry.salt, run, most, p.header().lifo, most == 1 ? 4096 : kWindow, found);
      for (const Found& one : found) {
        Message message;
        if (most == 0) return;
        if (!p.read_message(one, seen.attempts, message)) continue;
        if (!see(message)) return;
        --most;
      }
      if (!part) break;
      (p.header().lifo ? run.end : run.begin) = part->cut;
      if (p.header().lifo) run.last = part->last;
      run.count -= part->count;
    }
  }
}

}  // namespace queue
