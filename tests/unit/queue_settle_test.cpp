#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "child.hpp"
#include "queue/append.hpp"
#include "queue/walker.hpp"
#include "queue_place.hpp"
#include "queue_segment_file.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::Shape;
using queue::Stop;

const Deadline kNow = Deadline::past();

}  // namespace

TEST("the first part of a batch is settled, the rest goes back, in their order") {
  for (std::size_t settled = 0; settled <= 5; ++settled) {
    const QueuePlace place;
    const auto queue = place.open();
    put(*queue, numbered(8));
    check_equal(queue->take(5, kNow, {}).messages.size(), 5U);
    check_equal(queue->stat().leased, 5U);
    queue->settle(settled);
    check_sound(*queue);
    check_equal(queue->stat().gets, settled);
    check_equal(queue->stat().leased, 0U);
    Texts rest;
    for (std::size_t i = settled + 1; i <= 8; ++i) rest.push_back("m" + std::to_string(i));
    check(seen(*queue) == rest);
    check(take(*place.open_copy()) == rest, "and so it is on the disk");
    check(take(*queue) == rest);
  }
}

TEST("the same with the newest first") {
  for (std::size_t settled = 0; settled <= 5; ++settled) {
    const QueuePlace place(lifo());
    const auto queue = place.open();
    put(*queue, numbered(8));
    check(texts_of(queue->take(5, kNow, {})) == Texts({"m8", "m7", "m6", "m5", "m4"}));
    put(*queue, {"new"});
    queue->settle(settled);
    check_sound(*queue);
    Texts rest;
    for (std::size_t i = 8 - settled; i >= 1; --i) rest.push_back("m" + std::to_string(i));
    check_equal(queue->size().messages, rest.size() + 1);
    Texts all = take(*queue);
    check_equal(std::ranges::count(all, "new"), 1);
    std::erase(all, "new");
    check(all == rest);
  }
}

TEST("what is left of a batch is settled in parts with damage in it, too") {
  for (const bool newest_first : {false, true}) {
    for (std::size_t settled = 0; settled <= 4; ++settled) {
      const QueuePlace place(newest_first ? lifo() : Shape{});
      const auto queue = place.open();
      put(*queue, numbered(6));
      const SegmentFile segment(place.path(), 1);
      segment.damage(segment.records()[2].offset + queue::kRecordHeader);
      Texts expected = numbered(6);
      std::erase(expected, "m3");
      if (newest_first) std::ranges::reverse(expected);
      const Texts taken = texts_of(queue->take(6, kNow, {}));
      check(taken == expected);
      queue->settle(settled);
      check_equal(queue->news_of_damage().size(), 1U);
      expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(settled));
      check(take(*queue) == expected);
      check_equal(queue->size().messages, 0U);
      check_equal(queue->size().bytes, 0U);
    }
  }
}

TEST("with the newest first, a message taken alone is alone, whatever is damaged before it") {
  const QueuePlace place(lifo());
  const auto queue = place.open();
  put(*queue, numbered(6));
  const SegmentFile segment(place.path(), 1);
  // The header of the last but one: the chain from the end is broken.
  segment.damage(segment.records()[4].offset + 8);
  Texts got;
  for (int i = 0; i < 10; ++i) {
    const auto leased = queue->lease_one();
    if (leased.stop != Stop::none) break;
    got.emplace_back(leased.message.bytes);
    check(queue->done(leased.lease));
  }
  check(got == Texts({"m6", "m4", "m3", "m2", "m1"}));
}

TEST("and in the order of taking, a message taken alone is alone, too") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(6));
  const SegmentFile segment(place.path(), 1);
  const auto records = segment.records();
  segment.damage(records[0].offset + 8);
  segment.damage(records[3].offset + 8);
  segment.damage(records[5].offset + 8);
  Texts got;
  for (int i = 0; i < 10; ++i) {
    const auto leased = queue->lease_one();
    if (leased.stop != Stop::none) break;
    got.emplace_back(leased.message.bytes);
    check(queue->done(leased.lease));
  }
  check(got == Texts({"m2", "m3", "m5"}));
  check_equal(queue->size().messages, 0U);
  check_equal(queue->size().bytes, 0U);
  check(queue->verify().empty());
}

TEST("a batch whose records were moved meanwhile is settled in parts where they are now") {
  for (const bool newest_first : {false, true}) {
    for (std::size_t settled = 0; settled <= 4; ++settled) {
      const QueuePlace place(newest_first ? lifo() : Shape{});
      const auto queue = place.open();
      put(*queue, {"before", "this"});
      put(*queue, numbered(4), with_priority(5));
      const Texts taken = texts_of(queue->take(4, kNow, {}));
      require(taken.size() == 4);
      {
        // What compaction does with the runs of holders.
        const auto store = place.store();
        queue::Section section(*store);
        const queue::Number number = store->holder(1).runs.head;
        const queue::Run& run = store->run(number);
        const auto& entry = store->segment(run.segment);
        queue::Walker walker;
        walker.start(store->segment_descriptor(entry), entry.salt, run.begin, run.end, 65536);
        queue::RecordBatch batch;
        while (const auto found = walker.next(walker.position() == run.begin)) {
          batch.add(found->head, {}, found->body);
        }
        require(batch.size() == 4);
        queue::Runs(*store).relocate(number, queue::Appender(*store).append(batch, 0, 4, true));
        section.commit();
      }
      queue->settle(settled);
      check(queue->verify().empty());
      check(queue->news_of_damage().empty());
      const Texts rest(taken.begin() + static_cast<std::ptrdiff_t>(settled), taken.end());
      Texts all = take(*queue);
      Texts expected = rest;
      const Texts low = newest_first ? Texts({"this", "before"}) : Texts({"before", "this"});
      expected.insert(expected.end(), low.begin(), low.end());
      check(all == expected, std::to_string(settled) + " settled");
    }
  }
}

TEST("segments of which nothing can be read are passed over, as many as are met at once, and kept") {
  const QueuePlace place;
  const auto queue = place.open();
  for (unsigned i = 1; i <= 4; ++i) {
    put(*queue, numbered(2, "of " + std::to_string(i) + ": "));
    place.store()->segment(i).is_broken = true;
  }
  const std::string stranger(100000, 'x');
  std::ofstream(place.path() + "/seg-1", std::ios::binary) << stranger;
  std::filesystem::remove(place.path() + "/seg-2");
  std::filesystem::copy_file(place.path() + "/seg-4", place.path() + "/seg-2");
  std::filesystem::remove(place.path() + "/seg-3");
  const auto fresh = place.open();
  check(take(*fresh) == numbered(2, "of 4: "));
  for (const char* name : {"/seg-1", "/seg-2", "/seg-3", "/damaged-3"}) {
    check(!std::filesystem::exists(place.path() + name), name);
  }
  check(file_text(place.path() + "/damaged-1") == stranger);
  check(std::filesystem::exists(place.path() + "/damaged-2"));
  check_equal(fresh->news_of_damage().size(), 3U);
  check_sound(*fresh);
}

TEST("what cannot be read is settled wherever it lies, and does not come again in a copy") {
  const QueuePlace place;
  const auto queue = place.open();
  for (int i = 0; i < 4; ++i) {
    put(*queue, {"bad"});
    put(*queue, {"good"}, with_priority(0));
    put(*queue, {"high"}, with_priority(5));
  }
  const SegmentFile segment(place.path(), 1);
  const auto records = segment.records();
  for (std::size_t i = 0; i < records.size(); i += 3)
    segment.damage(records[i].offset + queue::kRecordHeader);
  check_equal(take(*queue).size(), 8U);
  check_equal(place.open_copy()->size().messages, 0U);
  const auto copy = place.open_copy("second");
  (void)copy->size();
  check(copy->news_of_damage().empty(), "nor is it told again");
}

TEST("compaction begins also when the last segment has just gone with its large message") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::string part(std::size_t{256} << 10, 'p');
  for (const char* name : {"one", "two"}) {
    put(*queue, Texts(61, part), with_priority(5));  // the next is too large for the segment
    put(*queue, {name}, with_priority(0));
  }
  put(*queue, {std::string(std::size_t{17} << 20, 'L')}, with_priority(1));
  check_equal(take(*queue, 122).size(), 122U);
  const auto held = queue->take(1, kNow, {}).messages.size();
  check_equal(held, 1U);
  check_equal(place.store()->header().compacting, 0U);
  queue->settle(1);
  check(queue->news_of_damage().empty());
  check(take(*queue) == Texts({"one", "two"}));
  check_sound(*queue);
}

TEST("who may not write to a segment can settle all the same; the next one makes up for it") {
  const QueuePlace place;
  put(*place.open(), {"a", "b", "c"});
  Child child([&] {
    const auto queue = place.open();
    // As `ulimit -f` has it: nothing beyond the heads can be written.
    const rlimit none{queue::kSegmentHeader, queue::kSegmentHeader};
    if (std::signal(SIGXFSZ, SIG_IGN) == SIG_ERR || ::setrlimit(RLIMIT_FSIZE, &none) != 0) return 2;
    for (const char* expected : {"a", "b"}) {
      if (texts_of(queue->take(1, kNow, {})) != Texts({expected})) return 3;
      queue->settle(1);
    }
    return 0;
  });
  check_equal(child.wait().status(), 0);
  check_equal(place.open()->size().messages, 1U);
  check_sound(*place.open());
  // One of the two notes is there to be carried out.
  check(seen(*place.open_copy()).size() <= 2);
  check(take(*place.open()) == Texts({"c"}));
}
