#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "queue/verify.hpp"
#include "queue_segment_file.hpp"
#include "queue_tables.hpp"
#include "tap.hpp"

namespace {

using queue::Number;
using queue::Run;
using queue::RunState;

/// A queue with something in every place: runs 1 to 3 in the list of priority 0, 4 of priority 5, 5 and 6 held, 7 and 8
/// delayed, 9 lent, 10 and 11 free.
struct Full : QueueTables {
  Full() {
    holder(2);
    for (int i = 0; i < 3; ++i) {
      enqueue(2);
      if (i == 0) put([this](Number number) { runs().enqueue(number); }, 5);
    }
    for (int i = 0; i < 2; ++i) put([this](Number number) { runs().hold(number, 1, 5); });
    for (int i = 0; i < 2; ++i) put([this, i](Number number) { runs().delay(number, 1000 + i, false); });
    put([this](Number number) { runs().lend(number, 2000); });
    for (int i = 0; i < 3; ++i) {
      const Number number = enqueue(1, 9);
      freed_.push_back(number);
    }
    for (const Number number : freed_) {
      runs().withdraw(number);
      runs().drop(number);
      commit();
    }
    check_sound("to begin with");
  }
  void put(const std::function<void(Number)>& where, int priority = 0) {
    const Number number = make(2, priority);
    where(number);
    commit();
  }
  /// The runs of the list of priority 0.
  [[nodiscard]] Number queued(int index = 0) const {
    Number number = header().lists[0].head;
    while (index-- > 0) number = run(number).next;
    return number;
  }
  [[nodiscard]] Number held() const { return store().holder(1).runs.head; }
  [[nodiscard]] Number freed() const { return header().free_run; }
  [[nodiscard]] std::vector<std::string> findings() const { return queue::verify(store()); }

 private:
  std::vector<Number> freed_;
};

/// That change is found. Returns what is said of it.
template <class Change>
std::string check_found(Change change, tap::Here at = tap::Here::current()) {
  Full full;
  change(full);
  const auto findings = full.findings();
  check(!findings.empty(), "nothing is found", at);
  std::string all;
  for (const std::string& finding : findings) all += finding + "\n";
  return all;
}

}  // namespace

TEST("a queue with something everywhere is sound, and looking changes nothing") {
  const Full full;
  const std::string before = file_text(full.place().path() + "/control");
  check(full.findings().empty());
  check(file_text(full.place().path() + "/control") == before);
}

TEST("wrong totals are found") {
  check(check_found([](Full& full) { ++full.header().queued; }).find("queued: 9 counted, 8 found") !=
        std::string::npos);
  check_found([](Full& full) { --full.header().delayed; });
  check_found([](Full& full) { ++full.header().leased; });
  check_found([](Full& full) { ++full.header().bytes; });
  check_found([](Full& full) { ++full.header().live; });
  check_found([](Full& full) { ++full.header().room; });
  check_found([](Full& full) { ++full.header().active; });
  check_found([](Full& full) { ++full.header().free_runs; });
}

TEST("a list that is broken is found") {
  check_found([](Full& full) { full.header().lists[0].head = full.queued(1); });
  check_found([](Full& full) { full.header().lists[0].tail = full.queued(1); });
  check_found([](Full& full) { full.run(full.queued(1)).prev = 0; });
  check_found([](Full& full) { full.run(full.queued(0)).prev = full.queued(1); });
  check_found([](Full& full) { full.run(full.queued(0)).next = 0; });
  check_found([](Full& full) { full.run(full.queued(2)).next = full.queued(0); });
  check_found([](Full& full) { full.run(full.queued(1)).next = full.held(); });
  check_found([](Full& full) { full.run(full.queued(1)).next = 0xFFFFFF; });
  check_found([](Full& full) { full.header().lists[3] = {full.queued(), full.queued(2)}; });
  check_found([](Full& full) { full.header().lists[5] = {0, 0}; });
  check_found([](Full& full) { full.header().lists[0].head = 0xFFFFFF; });
}

TEST("a bit of a list that is wrong is found") {
  check_found([](Full& full) { full.header().waiting &= ~1U; });
  check_found([](Full& full) { full.header().waiting |= 1U << 9; });
}

TEST("a bit of a list that there is not is found") {
  check_found([](Full& full) { full.header().waiting |= 1U << 12; });
}

TEST("a run that says something else than where it is is found") {
  for (const RunState state : {RunState::free, RunState::delayed, RunState::held, RunState::lent}) {
    check_found([state](Full& full) { full.run(full.queued()).state = state; });
  }
  check_found([](Full& full) { full.run(full.held()).state = RunState::queued; });
  check_found([](Full& full) { full.run(full.store().timer(1)).state = RunState::queued; });
  check_found([](Full& full) { full.run(full.freed()).state = RunState::queued; });
  check_found([](Full& full) { full.run(full.queued()).priority = 4; });
}

TEST("a holder's list or number of runs that is wrong is found") {
  check_found([](Full& full) { full.store().holder(1).runs.head = 0; });
  check_found([](Full& full) { full.store().holder(1).runs.tail = full.held(); });
  check_found([](Full& full) { full.store().holder(1).pid = 0; });
  check_found([](Full& full) { full.store().holder(2).runs = full.store().holder(1).runs; });
}

TEST("a holder's number of runs, and a run's holder, that are wrong are found") {
  check_found([](Full& full) { ++full.store().holder(1).runs_held; });
  check_found([](Full& full) { full.run(full.held()).holder = 2; });
}

TEST("a heap that is out of order is found") {
  check_found([](Full& full) { full.run(full.store().timer(1)).time = 9999; });
  check_found([](Full& full) { std::swap(full.store().timer(1), full.store().timer(2)); });
  check_found([](Full& full) { full.run(full.store().timer(1)).timer = 2; });
  check_found([](Full& full) { full.store().timer(2) = full.store().timer(1); });
  check_found([](Full& full) { full.store().timer(2) = 0xFFFFFF; });
  check_found([](Full& full) { full.header().timers = 2; });
}

TEST("a list of free runs that is broken is found") {
  check_found([](Full& full) { full.run(full.freed()).next = 0; });
  check_found([](Full& full) { full.run(full.freed()).next = full.freed(); });
  check_found([](Full& full) { full.header().free_run = full.queued(); });
  check_found([](Full& full) { full.header().free_run = 0; });
  check_found([](Full& full) { full.header().runs += 1; });
}

TEST("a list of free runs whose links back are wrong is found") {
  check_found([](Full& full) { full.run(full.run(full.freed()).next).prev = 0; });
}

TEST("a run that says something else than its records is found") {
  check_found([](Full& full) { ++full.run(full.queued()).count; });
  check_found([](Full& full) { ++full.run(full.queued()).bytes; });
  check_found([](Full& full) { full.run(full.queued()).last = full.run(full.queued()).begin; });
  check_found([](Full& full) { full.run(full.queued()).begin += 8; });
  check_found([](Full& full) { full.run(full.queued()).end += 8; });
  check_found([](Full& full) { full.run(full.queued()).begin = full.run(full.queued()).last; });
  check_found([](Full& full) { full.run(full.queued()).begin = 64; });
  check_found([](Full& full) { full.run(full.queued()).end = full.run(full.queued()).begin; });
  check_found([](Full& full) { full.run(full.queued()).segment = 0; });
  check_found([](Full& full) { full.run(full.queued()).segment = 77; });
}

TEST("a segment's list, and what it counts, that are wrong are found") {
  check_found([](Full& full) { ++full.store().segment(1).live; });
  check_found([](Full& full) { full.store().segment(1).runs = 0; });
  check_found(
      [](Full& full) { full.store().segment(1).runs = full.run(full.store().segment(1).runs).segment_next; });
  check_found([](Full& full) { full.run(full.store().segment(1).runs).segment_next = 0; });
  check_found([](Full& full) { full.run(full.store().segment(1).runs).segment_prev = 3; });
  check_found([](Full& full) { full.store().segment(1).used = queue::kDataBegin; });
  check_found([](Full& full) { full.store().segment(1).number = 0; });
  check_found([](Full& full) { full.store().segment(1).salt += 1, full.store().files().forget(1); });
}

TEST("a list of a segment that goes round in a circle is found, in finite time") {
  check_found([](Full& full) {
    const Number first = full.store().segment(1).runs;
    const Number second = full.run(first).segment_next;
    full.run(second).segment_next = first;
    full.run(first).segment_prev = second;
  });
}

TEST("two runs with the same records are found") {
  check_found([](Full& full) {
    const Run& one = full.run(full.queued());
    Run& two = full.run(full.queued(1));
    two.begin = one.begin;
    two.end = one.end;
    two.last = one.last;
    two.bytes = one.bytes;
  });
}

TEST("a message that waits and whose bit says that it is settled is found") {
  check_found([](Full& full) {
    const Run& run = full.run(full.queued());
    queue::mark_settled(full.store(), {run.segment, run.begin, run.last, 0});
  });
}

TEST("a flipped bit in any byte of a message is found, in one of another nothing") {
  Full full;
  const SegmentFile segment(full.place().path(), 1);
  const Run run = full.run(full.queued());
  for (std::uint32_t at = run.begin; at < run.end; ++at) {
    segment.damage(at);
    const auto records = segment.records();
    // But for the zeros behind a message.
    const bool is_padding = [&] {
      for (const auto& record : records) {
        const auto end = record.offset + queue::kRecordHeader + record.head.length;
        if (at >= end && at < record.offset + record.head.size()) return true;
      }
      return false;
    }();
    if (full.findings().empty() != is_padding) check(false, "byte " + std::to_string(at));
    segment.damage(at);
  }
  segment.damage(full.run(full.freed()).begin);
  check(full.findings().empty());
}

TEST("a segment that was cut, or has gone, is found") {
  {
    const Full full;
    const SegmentFile segment(full.place().path(), 1);
    segment.cut(full.run(full.queued(2)).begin);
    check(!full.findings().empty());
  }
  Full full;
  require(::unlink((full.place().path() + "/seg-1").c_str()) == 0);
  full.store().files().forget(1);
  check(!full.findings().empty());
}

TEST("many findings are counted, not listed") {
  QueueTables tables;
  for (int i = 0; i < 300; ++i) {
    tables.enqueue(1);
    tables.run(static_cast<Number>(i + 1)).bytes += 1;
  }
  const auto findings = queue::verify(tables.store());
  check(findings.size() < 150);
  check(findings.back().starts_with("and "));
}
