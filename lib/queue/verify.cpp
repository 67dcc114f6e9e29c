#include "queue/verify.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "queue/run_reader.hpp"
#include "queue/timers.hpp"

namespace queue {
namespace {

constexpr std::size_t kWindow = std::size_t{1} << 20;
/// Findings beyond these are counted, not listed.
constexpr std::size_t kMostFindings = 100;

class Verifier {
 public:
  explicit Verifier(Store& store) : store_(store), live_(store.header().segments + 1) {}

  std::vector<std::string> run() {
    try {
      check_lists();
      check_holders();
      check_timers();
      check_free();
      check_segments();
      check_totals();
    } catch (const Damaged& damaged) {
      report(std::string(damaged.what()) + ": a number that is none");
    }
    if (more_ > 0) findings_.push_back("and " + std::to_string(more_) + " more");
    return std::move(findings_);
  }

 private:
  void report(std::string what) {
    if (findings_.size() < kMostFindings) {
      findings_.push_back(std::move(what));
    } else {
      ++more_;
    }
  }
  void expect(bool holds, const std::string& what) {
    if (!holds) report(what);
  }
  void check_chain(const List& list, RunState state, const std::string& name);
  void check_lists();
  void check_holders();
  void check_timers();
  void check_free();
  void check_segments();
  void check_totals();
  void count(Number number);
  void check_records(Number number, const Run& run);

  Store& store_;
  std::vector<std::uint64_t> live_;
  std::vector<std::string> findings_;
  std::uint64_t more_ = 0;
  std::unique_ptr<SettledBits> settled_;
  std::uint32_t settled_of_ = 0;  ///< the number of that segment
  std::uint64_t runs_ = 0;
  std::uint64_t queued_ = 0;
  std::uint64_t delayed_ = 0;
  std::uint64_t leased_ = 0;
  std::uint64_t bytes_ = 0;
};

void Verifier::count(Number number) {
  const Run& run = store_.run(number);
  store_.forget_pages_in_time();
  ++runs_;
  if (run.state == RunState::queued) queued_ += run.count;
  if (run.state == RunState::delayed) delayed_ += run.count;
  if (run.state == RunState::held || run.state == RunState::lent) leased_ += run.count;
  if (run.state == RunState::queued || run.state == RunState::delayed) bytes_ += run.bytes;
  if (run.segment == 0 || run.segment >= live_.size() || store_.segment(run.segment).number == 0) {
    return report("run " + std::to_string(number) + ": its segment is not there");
  }
  live_[run.segment] += run.end - run.begin;
  check_records(number, run);
}

void Verifier::check_records(Number number, const Run& run) {
  const SegmentEntry& entry = store_.segment(run.segment);
  const std::string where = segment_name(entry.number) + ", run " + std::to_string(number);
  const int fd = store_.segment_descriptor(entry);
  if (fd < 0) return report(segment_name(entry.number) + ": missing, or another's");
  if (run.begin < kDataBegin || run.begin >= run.end || run.end > entry.used)
    return report(where + ": not within it");
  if (settled_of_ != entry.number) settled_ = std::make_unique<SettledBits>(fd);
  settled_of_ = entry.number;
  Walker walker;
  walker.start(fd, entry.salt, run.begin, run.end, kWindow);
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint32_t last = 0;
  while (const auto found = walker.next()) {
    ++records;
    last = found->offset;
    bytes += message_size(*found);
    const std::string message = segment_name(entry.number) + ": message " + std::to_string(found->head.id);
    expect(found->is_sound(), message + " is damaged");
    expect(found->head.priority == run.priority, message + " has another priority");
    expect(!settled_->has(found->offset), message + " is marked as settled");
  }
  if (walker.damaged() > 0)
    return report(where + ": " + std::to_string(walker.damaged()) + " bytes are damaged");
  expect(records == run.count,
         where + ": counts " + std::to_string(run.count) + " messages, has " + std::to_string(records));
  expect(bytes == run.bytes, where + ": counts other bytes than it has");
  expect(last == run.last, where + ": its last message is another");
}

void Verifier::check_chain(const List& list, RunState state, const std::string& name) {
  Number before = 0;
  std::uint64_t steps = 0;
  for (Number number = list.head; number != 0; number = store_.run(number).next) {
    const Run& run = store_.run(number);
    if (run.prev != before || run.state != state || ++steps > store_.header().runs) {
      return report(name + ": broken at run " + std::to_string(number));
    }
    count(number);
    before = number;
  }
  expect(list.tail == before, name + ": its end is another");
}

void Verifier::check_lists() {
  const Header& header = store_.header();
  for (int priority = 0; priority < kPriorities; ++priority) {
    const List& list = header.lists[priority];
    const std::string name = "the list of priority " + std::to_string(priority);
    check_chain(list, RunState::queued, name);
    expect((list.head != 0) == ((header.waiting >> priority & 1) != 0), name + ": its bit is wrong");
  }
  expect(header.waiting >> kPriorities == 0, "bits of priorities that there are not");
}

void Verifier::check_holders() {
  std::uint32_t active = 0;
  for (Number number = 1; number <= store_.header().holders; ++number) {
    const HolderEntry& holder = store_.holder(number);
    if (holder.pid == 0) continue;
    ++active;
    const std::uint64_t before = runs_;
    check_chain(holder.runs, RunState::held, "the list of holder " + std::to_string(holder.pid));
    expect(runs_ - before == holder.runs_held,
           "the number of runs of holder " + std::to_string(holder.pid) + " is wrong");
    for (Number run = holder.runs.head, steps = 0; run != 0 && steps <= runs_;
         run = store_.run(run).next, ++steps) {
      expect(store_.run(run).holder == number, "run " + std::to_string(run) + ": its holder is another");
    }
  }
  expect(active == store_.header().active, "the number of holders is wrong");
}

void Verifier::check_timers() {
  for (Number place = 1; place <= store_.header().timers; ++place) {
    const Number number = store_.timer(place);
    const Run& run = store_.run(number);
    const std::string name = "timer " + std::to_string(place);
    expect(run.timer == place, name + ": its run has another");
    expect(run.state == RunState::delayed || run.state == RunState::lent, name + ": its run has none");
    expect(place == 1 || store_.run(store_.timer(place / 2)).time <= run.time, name + ": out of order");
    count(number);
  }
}

void Verifier::check_free() {
  std::uint64_t free = 0;
  Number before = 0;
  for (Number number = store_.header().free_run; number != 0; number = store_.run(number).next) {
    if (store_.run(number).state != RunState::free ||
        store_.run(number).prev != std::exchange(before, number) || ++free > store_.header().runs) {
      return report("the list of free runs: broken at run " + std::to_string(number));
    }
    store_.forget_pages_in_time();
  }
  expect(free == store_.header().free_runs, "the number of free runs is wrong");
  expect(free + runs_ == store_.header().runs, "runs that are nowhere");
}

void Verifier::check_segments() {
  std::uint64_t room = 0;
  std::uint64_t live = 0;
  for (Number number = 1; number <= store_.header().segments; ++number) {
    const SegmentEntry& entry = store_.segment(number);
    if (entry.number == 0) continue;
    const std::string name = segment_name(entry.number);
    room += entry.room;
    live += entry.live;
    expect(entry.live == live_[number], name + ": counts other bytes than are live");
    Number before = 0;
    std::uint64_t bytes = 0;
    for (Number run = entry.runs; run != 0; run = store_.run(run).segment_next) {
      if (store_.run(run).segment_prev != before || store_.run(run).segment != number) {
        report(name + ": its list is broken");
        break;
      }
      bytes += store_.run(run).end - store_.run(run).begin;
      before = run;
      store_.forget_pages_in_time();
    }
    expect(bytes == live_[number], name + ": its list is not complete");
    const int fd = store_.segment_descriptor(entry);
    struct stat status {};
    expect(fd >= 0 && ::fstat(fd, &status) == 0 && status.st_size >= entry.used,
           name + ": missing, or shorter than it was");
    SegmentHead head{};
    for (const std::uint32_t offset : {kFirstHead, kSecondHead})
      expect(fd < 0 || read_head(fd, offset, head),
             name + ": its head at " + std::to_string(offset) + " is damaged");
  }
  expect(room == store_.header().room && live == store_.header().live, "the size of all segments is wrong");
}

void Verifier::check_totals() {
  const Header& header = store_.header();
  expect(queued_ == header.queued,
         "queued: " + std::to_string(header.queued) + " counted, " + std::to_string(queued_) + " found");
  expect(delayed_ == header.delayed,
         "delayed: " + std::to_string(header.delayed) + " counted, " + std::to_string(delayed_) + " found");
  expect(leased_ == header.leased,
         "leased: " + std::to_string(header.leased) + " counted, " + std::to_string(leased_) + " found");
  expect(bytes_ == header.bytes,
         "bytes: " + std::to_string(header.bytes) + " counted, " + std::to_string(bytes_) + " found");
}

}  // namespace

std::vector<std::string> verify(Store& store) { return Verifier(store).run(); }

}  // namespace queue
