/// What getters do: they look around, cut records off the front of a list, wait, and settle.

#include <algorithm>
#include <bit>
#include <utility>

#include "queue/parts.hpp"
#include "queue/waiting.hpp"

namespace queue {
namespace {

/// What is read for one message alone, and for many.
constexpr std::size_t kSmallWindow = 4096;
constexpr std::size_t kWindow = std::size_t{256} << 10;
/// Dead holders are looked for at least so often, also while there is enough else to do.
constexpr ipc::Duration kLookForDead = std::chrono::milliseconds(10);
/// Timers that run out under one lock; others get their turn then.
constexpr unsigned kTurn = 4096;

}  // namespace

void FileQueue::Parts::wake_due(Section& section) {
  if (header().timers == 0) return;
  const std::int64_t now = ipc::wall_time();
  for (unsigned turn = 0; turn < kTurn; ++turn) {
    const Number number = timers.first();
    if (number == 0 || store.run(number).time > now) break;
    if (header().waiting == 0) ring(kGetBell);
    const Run& run = store.run(number);
    const bool was_lent = run.state == RunState::lent;
    if (!was_lent && run.state != RunState::delayed) throw Damaged("timers");
    const bool first = was_lent || run.goes_first;
    runs.withdraw(number);
    if (was_lent) store.journal().add(store.run(number).attempts, 1);
    if (first) {
      runs.come_back(number);
    } else {
      runs.enqueue(number);
    }
    if (store.journal().is_half_full()) section.commit();
  }
  section.commit();
}

void FileQueue::Parts::look_around(Section& section) {
  wake_due(section);
  const bool is_time = dead_looked_for.is_never() || ipc::Deadline::now() - dead_looked_for > kLookForDead;
  if (header().waiting != 0 && !is_time) return;
  if (header().active > (holders.registered() != 0 ? 1U : 0U)) holders.bury_dead();
  dead_looked_for = ipc::Deadline::now();
}

Stop FileQueue::Parts::why_none() const noexcept {
  if (is_removed(header())) return Stop::removed;
  return header().is_closed && unfinished(header()) == 0 ? Stop::closed : Stop::empty;
}

bool FileQueue::Parts::fall_asleep(Section& section) {
  std::optional<std::int64_t> at;
  if (const Number next = timers.first(); next != 0) at = store.run(next).time;
  // One that has died just before it is watched would not be missed.
  if (!getter->sleep(at, holders.others())) return true;
  holders.bury_dead();
  section.commit();
  return header().waiting == 0;
}

std::optional<RunReader::Part> FileQueue::Parts::read_run(const Run& run, std::size_t most) {
  found.clear();
  const SegmentEntry& entry = store.segment_of(run);
  const int fd = entry.number != 0 ? store.segment_descriptor(entry) : -1;
  if (fd < 0) {
    news.tell(damage_of(entry.number));
    return std::nullopt;
  }
  auto part =
      reader.read(fd, entry.salt, run, most, header().lifo, most == 1 ? kSmallWindow : kWindow, found);
  if (reader.damaged() > 0) news.tell(damage_of(entry.number));
  return part;
}

Number FileQueue::Parts::cut(Section& section, std::size_t most) {
  while (header().waiting != 0) {
    const int priority = static_cast<int>(std::bit_width(header().waiting)) - 1;
    const Number number = runs.first_queued(priority);
    const auto part = read_run(store.run(number), most);
    if (part) store.reserve_runs(1);
    if (part) return runs.split(number, part->cut, part->last, part->count, part->bytes, header().lifo);
    const bool was_full = is_full(header());
    runs.withdraw(number);
    if (!found.empty()) return number;
    SegmentEntry& entry = store.segment(store.run(number).segment);
    if (store.segment_descriptor(entry, Standing::proven) < 0) store.journal().set(entry.is_kept, true);
    runs.drop(number);  // nothing of it can be read
    tell_of_room(was_full);
    tell_of_end();
    section.commit();
  }
  return 0;
}

bool FileQueue::Parts::read_message(const Found& one, unsigned attempts, Message& message) {
  std::string_view body = one.body;
  const auto extra = one.is_sound() ? cut_extra(one.head.flags, body) : std::nullopt;
  if (!extra) {
    news.tell("message " + std::to_string(one.head.id) + " was damaged and is lost");
    return false;
  }
  message.id = one.head.id;
  message.priority = one.head.priority;
  message.attempt = attempts + 1;
  message.wants_answer = (one.head.flags & kWantsAnswer) != 0;
  message.put_at = one.head.put_at;
  message.bytes = body;
  if ((one.head.flags & kDeadLetter) != 0) message.death = extra->death;
  return true;
}

void FileQueue::Parts::read_messages(const Run& run) {
  batch.messages.clear();
  places.clear();
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (read_message(found[i], run.attempts, batch.messages.emplace_back())) {
      places.push_back(i);
    } else {
      batch.messages.pop_back();
    }
  }
}

void FileQueue::Parts::tell_of_room(bool was_full) noexcept {
  // With a bound on bytes, a large message can wait for more room than one that is just not full.
  if (was_full || header().max_bytes != 0) ring(kPutBell);
}

void FileQueue::Parts::tell_of_end() noexcept {
  if (unfinished(header()) != 0) return;
  ring(kJoinBell);
  if (header().is_closed) ring(kGetBell);
}

FileQueue::Parts::Taken FileQueue::Parts::try_take(std::size_t most, bool may_sleep,
                                                   std::optional<ipc::Duration> lent_for) {
  return locked([&](Section& section) {
    Taken taken;
    if (header().untold != 0) {
      // Another process has built the tables anew; it may have had nobody to tell.
      if (!news.has_any()) news.tell("was damaged: messages were lost");
      header().untold = 0;
    }
    if (!is_removed(header())) look_around(section);
    if (!is_removed(header()) && header().waiting != 0) {
      if (lent_for) store.reserve_timers(1);
      const Number self = lent_for ? 0 : holders.self();
      // Others that are here want their share.
      const std::uint64_t share = header().queued / (2ULL * std::max(header().active, 1U)) + 1;
      const bool was_full = is_full(header());
      const Number part = cut(section, header().active > 1 ? std::min<std::size_t>(most, share) : most);
      if (part != 0) {
        if (lent_for) {
          runs.lend(part, ipc::wall_time_after(*lent_for));
        } else {
          runs.hold(part, self, ipc::wall_time());
        }
        taken.run = store.run(part);
        taken.lease = {part, taken.run.serial};
        tell_of_room(was_full);
        section.commit();
        return taken;
      }
      section.commit();
    }
    taken.stop = why_none();
    store.files().forget_removed(store);
    if (taken.stop == Stop::empty && may_sleep) taken.is_asleep = fall_asleep(section);
    return taken;
  });
}

Waiter& FileQueue::Parts::own_getter() {
  if (!getter) getter.emplace(store.directory(), kGetBell, "turn-get", header().get_tickets);
  return *getter;
}

bool FileQueue::Parts::begin_waiting() {
  is_waiting = true;
  return own_getter().begin();
}

void FileQueue::Parts::stop_waiting() noexcept {
  if (std::exchange(is_waiting, false)) getter->end();
}

FileQueue::Parts::Taken FileQueue::Parts::take_or_wait(std::size_t most,
                                                       std::optional<ipc::Duration> lent_for,
                                                       ipc::Deadline deadline, Watched watched) {
  Taken taken = try_take(most, false, lent_for);
  if (taken.stop != Stop::empty || deadline == ipc::Deadline::past()) return taken;
  const WaitingEnds waiting_ends(getter);
  for (;;) {
    const bool has_turn = own_getter().begin();
    taken = try_take(most, has_turn, lent_for);
    if (taken.stop != Stop::empty) break;
    if (has_turn && !taken.is_asleep) continue;
    const Woken woken = wait_for(getter->descriptor(), watched, deadline);
    if (woken == Woken::ready) continue;
    if (woken == Woken::watched) taken.stop = Stop::watched;
    break;
  }
  return taken;
}

const Batch& FileQueue::take(std::size_t most, ipc::Deadline deadline, Watched watched) {
  Parts& p = *parts_;
  p.batch.messages.clear();
  if (most > 1) p.holders.expect_to_hold();
  do {
    const Parts::Taken taken = p.take_or_wait(most, std::nullopt, deadline, watched);
    p.batch.stop = taken.stop;
    if (taken.stop != Stop::none) break;
    p.lease = taken.lease;
    p.taken_run = taken.run;
    p.read_messages(taken.run);
    if (p.batch.messages.empty()) settle(0);  // all of them are damaged
  } while (p.batch.messages.empty());
  return p.batch;
}

/// The first `count` messages of the batch, which is run `number`, have been delivered.
void FileQueue::Parts::give_back_rest(Section& section, Number number, std::size_t count) {
  store.reserve_runs(1);
  // Compaction may have moved it; its records have kept their distances.
  const Run& run = store.run(number);
  const std::uint32_t shift = run.begin - taken_run.begin;
  if (run.end - run.begin != taken_run.end - taken_run.begin || run.count != taken_run.count)
    throw Damaged("a batch");
  if (count > 0) {
    // With the newest first, what goes back is the beginning of the run.
    const bool lifo = header().lifo;
    const std::size_t at = places[count];
    const std::uint32_t cut_at = found[lifo ? at - 1 : at].offset + shift;
    const std::uint32_t last = found[lifo ? at : at - 1].offset + shift;
    const Number done =
        runs.split(number, cut_at, last, static_cast<std::uint32_t>(at), message_sizes(found, at), lifo);
    store.journal().add(header().gets, count);
    answers.drop(store.run(done));
    runs.drop(done);
    section.commit();
  }
  if (header().waiting == 0) ring(kGetBell);
  runs.withdraw(number);
  runs.come_back(number);
  runs.join_neighbours(number);
  section.commit();
}

void FileQueue::settle(std::size_t count, Then then) {
  Parts& p = *parts_;
  if (p.lease.serial == 0) return;
  p.locked([&](Section& section) {
    const Number number = is_removed(p.header()) ? 0 : p.find(p.lease);
    if (number == 0) return;
    if (count < p.places.size()) return p.give_back_rest(section, number, count);
    p.store.journal().add(p.header().gets, count);
    p.finish(section, number);
    if (then == Then::goes_on) return;
    p.holders.leave();
    section.commit();
  });
  p.lease = {};
  p.reader.shrink();
}

}  // namespace queue
