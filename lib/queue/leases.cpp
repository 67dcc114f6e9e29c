/// Single messages in the hands of holders, and of those who come back with a LEASE.

#include <charconv>

#include "queue/parts.hpp"

namespace queue {

Number FileQueue::Parts::find(Lease wanted) const {
  const auto is_it = [&](Number number) {
    const Run& run = store.run(number);
    return run.serial == wanted.serial && (run.state == RunState::held || run.state == RunState::lent);
  };
  if (wanted.serial == 0) return 0;
  if (wanted.run != 0 && wanted.run <= header().runs && is_it(wanted.run)) return wanted.run;
  // The table has been tightened since.
  for (Number number = 1; number <= header().runs; ++number) {
    if (is_it(number)) return number;
    store.forget_pages_in_time();
  }
  return 0;
}

void FileQueue::Parts::finish(Section& section, Number run) {
  const std::uint64_t bytes = store.run(run).end - store.run(run).begin;
  answers.drop(store.run(run));
  runs.withdraw(run);
  runs.drop(run);
  tell_of_end();
  section.commit();
  runs.tighten();
  compactor.go_on(section, bytes);
}

FileQueue::Leased FileQueue::lease_one() {
  Parts& p = *parts_;
  Leased leased;
  p.holders.expect_to_hold();
  for (;;) {
    const bool had_waited = p.is_waiting;
    const bool has_turn = had_waited && p.begin_waiting();
    const Parts::Taken taken = p.try_take(1, has_turn, std::nullopt);
    leased.stop = taken.stop;
    if (taken.stop == Stop::none) {
      p.stop_waiting();
      if (p.keep(taken, leased)) return leased;
      static_cast<void>(done(taken.lease));
      continue;
    }
    if (taken.stop != Stop::empty) p.stop_waiting();
    if (taken.stop != Stop::empty || (had_waited && (!has_turn || taken.is_asleep))) return leased;
    p.is_waiting = true;
    static_cast<void>(p.own_getter());
  }
}

bool FileQueue::Parts::keep(const Taken& taken, Leased& leased) {
  read_messages(taken.run);
  if (batch.messages.empty()) return false;
  leased.lease = taken.lease;
  const Message& message = batch.messages.front();
  // Large enough to stay where they are when this is moved.
  leased.bytes.reserve(64);
  leased.bytes.assign(message.bytes);
  leased.message = message;
  leased.message.bytes = leased.bytes;
  leased.message.death.reset();
  reader.shrink();
  return true;
}

int FileQueue::wake_descriptor() const noexcept { return parts_->getter ? parts_->getter->descriptor() : -1; }

void FileQueue::stop_waiting() noexcept { parts_->stop_waiting(); }

int FileQueue::holding_descriptor() { return parts_->store.holders_descriptor(); }

bool FileQueue::done(Lease lease) {
  Parts& p = *parts_;
  return p.locked([&](Section& section) {
    if (is_removed(p.header())) return false;
    p.wake_due(section);
    const Number number = p.find(lease);
    if (number == 0) return false;
    p.store.journal().add(p.header().gets, p.store.run(number).count);
    p.finish(section, number);
    return true;
  });
}

bool FileQueue::give_back(Lease lease, ipc::Duration delay, bool failed) {
  Parts& p = *parts_;
  return p.locked([&](Section& section) {
    if (is_removed(p.header())) return false;
    p.wake_due(section);
    const Number number = p.find(lease);
    if (number == 0) return false;
    if (delay.count() > 0) p.store.reserve_timers(1);
    p.runs.withdraw(number);
    if (failed) p.store.journal().add(p.store.run(number).attempts, 1);
    // Also one that is due later: who sleeps must hear of it.
    p.ring(kGetBell);
    if (delay.count() > 0) {
      p.runs.delay(number, ipc::wall_time_after(delay), true);
    } else {
      p.runs.come_back(number);
      if (!failed) p.runs.join_neighbours(number);
    }
    section.commit();
    return true;
  });
}

FileQueue::Leased FileQueue::lease_for(ipc::Duration time, ipc::Deadline deadline, Watched watched) {
  Parts& p = *parts_;
  for (;;) {
    Leased leased;
    const Parts::Taken taken = p.take_or_wait(1, time, deadline, watched);
    leased.stop = taken.stop;
    if (taken.stop != Stop::none || p.keep(taken, leased)) return leased;
    static_cast<void>(done(taken.lease));
  }
}

std::string FileQueue::lease_text(Lease lease) {
  return std::to_string(lease.run) + "-" + std::to_string(lease.serial);
}

std::optional<Lease> FileQueue::parse_lease(std::string_view text) {
  Lease lease;
  const char* end = text.data() + text.size();
  const auto run = std::from_chars(text.data(), end, lease.run);
  if (run.ec != std::errc() || run.ptr == end || *run.ptr != '-') return std::nullopt;
  const auto serial = std::from_chars(run.ptr + 1, end, lease.serial);
  if (serial.ec != std::errc() || serial.ptr != end || lease.serial == 0) return std::nullopt;
  return lease;
}

}  // namespace queue
