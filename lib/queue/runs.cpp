#include "queue/runs.hpp"

#include "queue/timers.hpp"

namespace queue {

Number Runs::make(const Extent& extent, int priority, std::uint8_t flags) {
  Header& header = store_.header();
  Number number = header.free_run;
  if (number != 0) {
    take_free(number);
  } else {
    number = header.runs + 1;
    static_cast<void>(store_.fresh_run(number));
    journal_.set(header.runs, number);
  }
  Run& run = store_.run(number);
  journal_.set(run.segment, extent.segment);
  journal_.set(run.begin, extent.begin);
  journal_.set(run.end, extent.end);
  journal_.set(run.last, extent.last);
  journal_.set(run.count, extent.count);
  journal_.set(run.bytes, extent.bytes);
  journal_.set(run.prev, 0);
  journal_.set(run.next, 0);
  journal_.set(run.time, 0);
  journal_.set(run.serial, 0);
  journal_.set(run.timer, 0);
  journal_.set(run.holder, 0);
  journal_.set(run.state, RunState::free);
  journal_.set(run.priority, static_cast<std::uint8_t>(priority));
  journal_.set(run.attempts, 0);
  journal_.set(run.flags, flags);
  journal_.set(run.goes_first, false);
  enter_segment(number);
  return number;
}

void Runs::free_run(Number number) {
  Run& run = store_.run(number);
  Header& header = store_.header();
  journal_.set(run.state, RunState::free);
  journal_.set(run.segment, 0);
  journal_.set(run.serial, 0);
  journal_.set(run.prev, 0);
  journal_.set(run.next, header.free_run);
  if (header.free_run != 0) journal_.set(store_.run(header.free_run).prev, number);
  journal_.set(header.free_run, number);
  journal_.add(header.free_runs, 1);
}

void Runs::take_free(Number number) {
  const Run& run = store_.run(number);
  Header& header = store_.header();
  if (run.state != RunState::free || header.free_runs == 0) throw Damaged("runs");
  journal_.set(run.prev == 0 ? header.free_run : store_.run(run.prev).next, run.next);
  if (run.next != 0) journal_.set(store_.run(run.next).prev, run.prev);
  journal_.subtract(header.free_runs, 1);
}

/// What the header says about how much is where.
void Runs::count(const Run& run, bool in) {
  Header& header = store_.header();
  const auto change = [&](std::uint64_t& counter, std::uint64_t by) {
    if (in) {
      journal_.add(counter, by);
    } else {
      journal_.subtract(counter, by);
    }
  };
  switch (run.state) {
    case RunState::queued:
      change(header.queued, run.count);
      change(header.bytes, run.bytes);
      break;
    case RunState::delayed:
      change(header.delayed, run.count);
      change(header.bytes, run.bytes);
      break;
    case RunState::held:
    case RunState::lent: change(header.leased, run.count); break;
    case RunState::free: break;
  }
}

std::optional<RecordHead> first_head(Store& store, const Run& run) {
  const SegmentEntry& entry = store.segment(run.segment);
  const int fd = entry.number != 0 ? store.segment_descriptor(entry) : -1;
  char bytes[kRecordHeader];
  if (fd < 0 || read_at(fd, bytes, run.begin) != sizeof bytes) return std::nullopt;
  return decode(bytes, {entry.salt, run.begin});
}

/// Behind `before`, 0: in front of all.
void Runs::link(List& list, Number number, Number before) {
  Run& run = store_.run(number);
  const Number after = before == 0 ? list.head : store_.run(before).next;
  journal_.set(run.prev, before);
  journal_.set(run.next, after);
  journal_.set(before == 0 ? list.head : store_.run(before).next, number);
  journal_.set(after == 0 ? list.tail : store_.run(after).prev, number);
}

void Runs::unlink(List& list, Number number) {
  Run& run = store_.run(number);
  if ((run.prev == 0 ? list.head : store_.run(run.prev).next) != number ||
      (run.next == 0 ? list.tail : store_.run(run.next).prev) != number) {
    throw Damaged("a list");
  }
  journal_.set(run.prev == 0 ? list.head : store_.run(run.prev).next, run.next);
  journal_.set(run.next == 0 ? list.tail : store_.run(run.next).prev, run.prev);
  journal_.set(run.prev, 0);
  journal_.set(run.next, 0);
}

void Runs::show_waiting(int priority) {
  Header& header = store_.header();
  const std::uint32_t bit = 1U << priority;
  const bool any = header.lists[priority].head != 0;
  journal_.set(header.waiting, any ? header.waiting | bit : header.waiting & ~bit);
}

Number Runs::first_queued(int priority) const {
  const Number number = store_.header().lists[priority].head;
  const Run& run = store_.run(number);
  if (run.state != RunState::queued || run.priority != priority) throw Damaged("a list");
  return number;
}

void Runs::enter_segment(Number number) {
  Run& run = store_.run(number);
  SegmentEntry& entry = store_.segment(run.segment);
  journal_.set(run.segment_prev, 0);
  journal_.set(run.segment_next, entry.runs);
  if (entry.runs != 0) journal_.set(store_.run(entry.runs).segment_prev, number);
  journal_.set(entry.runs, number);
}

void Runs::leave_segment(Number number) {
  const Run& run = store_.run(number);
  SegmentEntry& entry = store_.segment(run.segment);
  if ((run.segment_prev == 0 ? entry.runs : store_.run(run.segment_prev).segment_next) != number) {
    throw Damaged("the list of a segment");
  }
  journal_.set(run.segment_prev == 0 ? entry.runs : store_.run(run.segment_prev).segment_next,
               run.segment_next);
  if (run.segment_next != 0) journal_.set(store_.run(run.segment_next).segment_prev, run.segment_prev);
}

void Runs::enter(Number number, Number before) {
  Run& run = store_.run(number);
  journal_.set(run.state, RunState::queued);
  journal_.set(run.time, 0);
  link(store_.header().lists[run.priority], number, before);
  show_waiting(run.priority);
  count(run, true);
}

void Runs::enqueue(Number number) {
  const List& list = store_.header().lists[store_.run(number).priority];
  enter(number, store_.header().lifo ? 0 : list.tail);
}

/// 0 when it cannot be read.
std::uint64_t Runs::first_id(const Run& run) const {
  const auto head = first_head(store_, run);
  return head ? head->id : 0;
}

void Runs::come_back(Number number) {
  constexpr unsigned kMostPassed = 4096;
  const Run& run = store_.run(number);
  Number before = 0;
  Number next = store_.header().lifo ? 0 : store_.header().lists[run.priority].head;
  const std::uint64_t id = next != 0 ? first_id(run) : 0;
  for (unsigned passed = 0; next != 0 && passed < kMostPassed; ++passed) {
    if (first_id(store_.run(next)) >= id) break;
    before = next;
    next = store_.run(next).next;
  }
  enter(number, before);
}

void Runs::delay(Number number, std::int64_t due, bool goes_first) {
  Run& run = store_.run(number);
  journal_.set(run.state, RunState::delayed);
  journal_.set(run.time, due);
  journal_.set(run.goes_first, goes_first);
  Timers(store_).add(number);
  count(run, true);
}

void Runs::hold(Number number, Number holder, std::int64_t since) {
  Run& run = store_.run(number);
  Header& header = store_.header();
  journal_.set(run.state, RunState::held);
  journal_.set(run.time, since);
  journal_.set(run.holder, static_cast<std::uint16_t>(holder));
  journal_.set(run.serial, header.next_serial);
  journal_.add(header.next_serial, 1);
  List& list = store_.holder(holder).runs;
  link(list, number, list.tail);
  journal_.add(store_.holder(holder).runs_held, 1);
  count(run, true);
}

void Runs::lend(Number number, std::int64_t until) {
  Run& run = store_.run(number);
  Header& header = store_.header();
  journal_.set(run.state, RunState::lent);
  journal_.set(run.time, until);
  journal_.set(run.serial, header.next_serial);
  journal_.add(header.next_serial, 1);
  Timers(store_).add(number);
  count(run, true);
}

void Runs::withdraw(Number number) {
  Run& run = store_.run(number);
  count(run, false);
  switch (run.state) {
    case RunState::queued:
      unlink(store_.header().lists[run.priority], number);
      show_waiting(run.priority);
      break;
    case RunState::held:
      unlink(store_.holder(run.holder).runs, number);
      journal_.subtract(store_.holder(run.holder).runs_held, 1);
      journal_.set(run.holder, 0);
      break;
    case RunState::delayed:
    case RunState::lent: Timers(store_).remove(number); break;
    case RunState::free: throw Damaged("runs");
  }
  journal_.set(run.serial, 0);
  journal_.set(run.state, RunState::free);
}

Number Runs::split(Number number, std::uint32_t cut, std::uint32_t last, std::uint32_t count_off,
                   std::uint32_t bytes, bool from_end) {
  Run& run = store_.run(number);
  if (cut <= run.begin || cut >= run.end || count_off >= run.count) throw Damaged("a run");
  count(run, false);
  Extent extent{run.segment, run.begin, cut, last, count_off, bytes};
  if (from_end) extent = {run.segment, cut, run.end, run.last, count_off, bytes};
  if (from_end) {
    journal_.set(run.end, cut);
    journal_.set(run.last, last);
  } else {
    journal_.set(run.begin, cut);
  }
  journal_.subtract(run.count, count_off);
  journal_.subtract(run.bytes, bytes);
  count(run, true);
  const Number part = make(extent, run.priority, run.flags);
  journal_.set(store_.run(part).attempts, run.attempts);
  return part;
}

void Runs::put_back_front(Number part, Number rest) {
  Run& run = store_.run(part);
  Run& other = store_.run(rest);
  List& list = store_.header().lists[run.priority];
  // With the newest first, the older ones stand behind.
  const bool behind = store_.header().lifo;
  const Number before = behind ? rest : other.prev;
  const Number after = behind ? other.next : rest;
  journal_.set(run.prev, before);
  journal_.set(run.next, after);
  journal_.set(before == 0 ? list.head : store_.run(before).next, part);
  journal_.set(after == 0 ? list.tail : store_.run(after).prev, part);
  journal_.set(run.state, RunState::queued);
  count(run, true);
}

void Runs::extend(Number number, const Extent& extent) {
  Run& run = store_.run(number);
  count(run, false);
  journal_.set(run.end, extent.end);
  journal_.set(run.last, extent.last);
  journal_.add(run.count, extent.count);
  journal_.add(run.bytes, extent.bytes);
  count(run, true);
}

/// The records of `run` are of no use any more where they are.
void Runs::settle_extent(const Run& run) {
  Header& header = store_.header();
  SegmentEntry& entry = store_.segment(run.segment);
  change_live(store_, entry, -static_cast<std::int64_t>(run.end - run.begin));
  // What compaction has copied from one must be safe before it goes; and where it has copied to tells what is settled.
  const bool is_compacted =
      header.compacting != 0 && (run.segment == header.compacting || entry.number >= header.compact_from);
  const bool is_needed = run.segment == header.last_segment || is_compacted;
  if (entry.runs == 0 && entry.size > kSegmentSize && header.compacting == 0) {
    // A large one takes no more records: nobody needs it as the last.
    if (run.segment == header.last_segment) journal_.set(header.last_segment, 0);
    release_segment(store_, entry);
    return;
  }
  if (entry.runs == 0 && !is_needed) {
    release_segment(store_, entry);
    return;
  }
  journal_.set(header.settled.begin, run.begin);
  journal_.set(header.settled.end, run.end);
  journal_.set(header.settled.segment, run.segment);
}

void Runs::drop(Number number) {
  const Run& run = store_.run(number);
  leave_segment(number);
  settle_extent(run);
  free_run(number);
}

void Runs::dissolve(Number number) {
  leave_segment(number);
  free_run(number);
}

void Runs::relocate(Number number, const Extent& extent) {
  Run& run = store_.run(number);
  leave_segment(number);
  change_live(store_, store_.segment(run.segment), -static_cast<std::int64_t>(run.end - run.begin));
  journal_.set(run.segment, extent.segment);
  journal_.set(run.begin, extent.begin);
  journal_.set(run.end, extent.end);
  journal_.set(run.last, extent.last);
  enter_segment(number);
}

bool Runs::continues(const Run& first, const Run& second) const noexcept {
  return first.segment == second.segment && first.end == second.begin && first.attempts == second.attempts &&
         first.flags == second.flags && first.priority == second.priority;
}

void Runs::join_neighbours(Number number) {
  const Run& run = store_.run(number);
  // With the newest first, the run behind in the list is the one before in the segment.
  const Number before = store_.header().lifo ? run.next : run.prev;
  const Number after = store_.header().lifo ? run.prev : run.next;
  for (const auto& [first, second] :
       {std::pair(before, number), std::pair(before == 0 ? number : 0, after)}) {
    if (first == 0 || second == 0) continue;
    const Run other = store_.run(second);
    if (!continues(store_.run(first), other)) continue;
    withdraw(second);
    dissolve(second);
    extend(first, {other.segment, other.begin, other.end, other.last, other.count, other.bytes});
    return;
  }
}

/// Run `from` is number `to` from now on, which was free.
void Runs::move_entry(Number from, Number to) {
  const Run run = store_.run(from);
  journal_.copy(&store_.run(to), &run, sizeof run);
  journal_.set(
      run.segment_prev == 0 ? store_.segment(run.segment).runs : store_.run(run.segment_prev).segment_next,
      to);
  if (run.segment_next != 0) journal_.set(store_.run(run.segment_next).segment_prev, to);
  if (run.timer != 0) {
    journal_.set(store_.timer(run.timer), to);
    return;
  }
  List& list =
      run.state == RunState::held ? store_.holder(run.holder).runs : store_.header().lists[run.priority];
  journal_.set(run.prev == 0 ? list.head : store_.run(run.prev).next, to);
  journal_.set(run.next == 0 ? list.tail : store_.run(run.next).prev, to);
}

void Runs::tighten() {
  constexpr Number kWorthIt = 4096;
  constexpr unsigned kTurn = 8;
  Header& header = store_.header();
  for (unsigned turn = 0; turn < kTurn; ++turn) {
    if (header.runs < kWorthIt || header.free_runs < header.runs / 4 * 3) break;
    const Number last = header.runs;
    if (store_.run(last).state == RunState::free) {
      take_free(last);
    } else {
      const Number gap = header.free_run;
      take_free(gap);
      move_entry(last, gap);
    }
    journal_.subtract(header.runs, 1);
    journal_.commit();
  }
  store_.shrink_runs();
}

}  // namespace queue
