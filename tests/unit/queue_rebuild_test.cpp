#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <random>

#include "eventually.hpp"
#include "ipc/error.hpp"
#include "queue/rebuild.hpp"
#include "queue_place.hpp"
#include "queue_segment_file.hpp"
#include "queue_tables.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using queue::FileQueue;
using queue::Header;
using queue::Number;
using queue::Stop;
using std::chrono::hours;
using std::chrono::milliseconds;

/// Nobody believes the tables any more, as after a reboot.
void distrust(const QueuePlace& place) { queue::Store::open(place.path())->header().boot ^= 1; }

bool has_file(const std::string& queue, const std::string& name) {
  return ::access((queue + "/" + name).c_str(), F_OK) == 0;
}

/// Writes garbage over a file, as long as it is.
void scramble(const std::string& path) {
  std::string text = file_text(path);
  std::mt19937 random(5);
  for (char& c : text) c = static_cast<char>(random());
  std::ofstream(path, std::ios::binary) << text;
}

/// Copies the messages that `run` has into a new segment, as compaction does, and leaves them where they were.
void copy_to_new_segment(QueueTables& tables, const Ids& ids) {
  auto& header = tables.header();
  if (header.last_segment != 0) tables.store().segment(header.last_segment).is_broken = true;
  queue::RecordBatch batch;
  std::vector<std::string> texts;
  for (const std::uint64_t id : ids) texts.push_back(QueueTables::text_of(id));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    queue::RecordHead head;
    head.id = ids[i];
    batch.add(head, {}, texts[i]);
  }
  (void)queue::Appender(tables.store()).append(batch, 0, ids.size(), true);
  tables.commit();
}

/// The ids of the messages that a run has, whatever they say.
Ids ids_in(const QueueTables& tables, const queue::Run& run) {
  const auto& entry = tables.store().segment(run.segment);
  queue::Walker walker;
  walker.start(tables.store().segment_descriptor(entry), entry.salt, run.begin, run.end, 65536);
  Ids ids;
  while (const auto found = walker.next()) ids.push_back(found->head.id);
  return ids;
}

/// What is in there after a rebuild, each segment's bits told by the way.
Ids rebuilt(QueueTables& tables) {
  queue::rebuild(tables.store(), [](const std::string& news) { check(false, news); });
  tables.commit();
  tables.check_sound();
  return tables.waiting();
}

Ids range(std::uint64_t from, std::uint64_t to) {
  Ids ids(to - from + 1);
  std::iota(ids.begin(), ids.end(), from);
  return ids;
}

}  // namespace

TEST("a copy has all that the queue had, in its order, and goes its own way") {
  const QueuePlace place;
  const auto original = place.open();
  put(*original, numbered(5));
  put(*original, {"high"}, with_priority(9));
  put(*original, {"low"}, with_priority(0));
  put(*original, {"middle"}, with_priority(4));
  const auto copy = place.open_copy();
  check_sound(*copy);
  check_equal(copy->size().messages, 8U);
  check_equal(copy->size().bytes, original->size().bytes);
  check(take(*copy) == Texts({"high", "middle", "m1", "m2", "m3", "m4", "m5", "low"}));
  check_equal(original->size().messages, 8U);
  check_sound(*original);
  check(put(*copy, {"more"}) > 8, "a new id");
  check_sound(*copy);
}

TEST("with the newest first also the copy is so") {
  const QueuePlace place(lifo());
  const auto original = place.open();
  put(*original, {"a", "b"});
  put(*original, {"c"}, with_priority(1));
  put(*original, {"d", "e"});
  const auto copy = place.open_copy();
  check_sound(*copy);
  check(take(*copy) == Texts({"c", "e", "d", "b", "a"}));
}

TEST("what was settled does not come again, what was leased does") {
  const QueuePlace place;
  const auto original = place.open();
  put(*original, numbered(6));
  check(take(*original, 2) == Texts({"m1", "m2"}));
  const auto leased = original->lease_one();
  check_equal(leased.message.bytes, "m3");
  (void)original->lease_for(hours(1), ipc::Deadline::past(), {});
  const auto copy = place.open_copy();
  check_equal(copy->stat().leased, 0U);
  check(take(*copy) == Texts({"m3", "m4", "m5", "m6"}));
  check_sound(*copy);
  check(original->done(leased.lease));
  check_equal(place.open_copy("second")->size().messages, 4U - 1);
}

TEST("what was settled out of its order does not come again either") {
  const QueuePlace place;
  const auto original = place.open();
  put(*original, numbered(40));
  std::vector<queue::Lease> leases;
  for (int i = 0; i < 40; ++i) leases.push_back(original->lease_one().lease);
  Texts left;
  for (std::size_t i = 0; i < leases.size(); ++i) {
    if (i % 3 == 0) {
      left.push_back("m" + std::to_string(i + 1));
    } else {
      check(original->done(leases[i]));
    }
  }
  const auto copy = place.open_copy();
  check(take(*copy) == left);
  check_sound(*copy);
}

TEST("delayed ones stay so, with their time, and are queued when it is over") {
  const QueuePlace place;
  const auto original = place.open();
  put(*original, {"late"}, with_delay(hours(1)));
  put(*original, {"now"});
  put(*original, {"soon"}, with_delay(milliseconds(1)));
  const auto first = place.open_copy();
  check_sound(*first);
  check(eventually([&] { return place.open_copy("c" + std::to_string(::clock()))->stat().queued == 2; }));
  const auto copy = place.open_copy("last");
  check_equal(copy->stat().delayed, 1U);
  check(take(*copy) == Texts({"now", "soon"}));
  check_sound(*copy);
  check_equal(copy->stat().delayed, 1U);
}

TEST("flags are kept: who wants an answer, and why one is among the dead letters") {
  const QueuePlace place;
  const auto original = place.open();
  queue::PutOptions options;
  options.wants_answer = true;
  put(*original, {"question"}, options);
  put(*original, {"plain"});
  const auto copy = place.open_copy();
  const auto leased = copy->lease_one();
  check(leased.message.wants_answer);
  check_equal(leased.message.bytes, "question");
  check(!copy->lease_one().message.wants_answer);

  const auto dying = original->lease_one();
  check(original->bury(dying.lease, {7, 3, "it said this"}));
  distrust(place);  // not that of the dead letters
  const auto dead = original->dead_letters();
  require(dead != nullptr);
  queue::Store::open(place.path() + ".dead")->distrust();
  const auto& batch = dead->take(1, ipc::Deadline::past(), {});
  require(batch.messages.size() == 1);
  require(batch.messages[0].death.has_value());
  check_equal(batch.messages[0].bytes, "question");
  check_equal(batch.messages[0].death->status, 7);
  check_equal(batch.messages[0].death->attempts, 3U);
  check_equal(batch.messages[0].death->error, "it said this");
}

TEST("what the queue was made like stays, and that it is closed") {
  const QueuePlace place(bounded(3));
  const auto original = place.open();
  put(*original, {"a", "b", "c"});
  original->close(false);
  const auto copy = place.open_copy();
  check(copy->size().full);
  check(copy->stat().closed);
  check(take(*copy) == Texts({"a", "b", "c"}));
  check_equal(copy->take(1, ipc::Deadline::past(), {}).stop, Stop::closed);
}

TEST("an empty queue is copied too, and one that has become empty") {
  const QueuePlace place;
  const auto original = place.open();
  check(take(*place.open_copy("first")).empty());
  put(*original, {"a"});
  take(*original);
  const auto copy = place.open_copy("second");
  check(take(*copy).empty());
  check(put(*copy, {"b"}) > 1, "no id is given twice");
  check_sound(*copy);
}

TEST("ids go on behind all that were ever given, whatever the header says") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(9));
  take(*queue, 9);
  put(*queue, {"a"});
  take(*queue, 1);
  {
    const auto store = queue::Store::open(place.path());
    store->header().next_id = 1;
    store->distrust();
  }
  check(put(*queue, {"b"}) > 10);
}

TEST("another boot, another device, another file: each makes the tables be built anew") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(3));
  for (std::uint64_t Header::*field : {&Header::boot, &Header::device, &Header::inode}) {
    const auto leased = queue->lease_one();
    queue::Store::open(place.path())->header().*field ^= 1;
    check_equal(queue->stat().queued, 3U, "the lease is forgotten");
    check(!queue->done(leased.lease));
  }
  check_sound(*queue);
  check(take(*queue) == numbered(3));
}

TEST("of a message that is there twice, as compaction leaves it, one remains, also when that happens again") {
  QueueTables tables;
  tables.enqueue(10);
  copy_to_new_segment(tables, {3, 4, 5, 6});
  for (int i = 0; i < 3; ++i) check(rebuilt(tables) == range(1, 10));
}

TEST("and none when the later one is settled, also when that happens again") {
  for (const queue::Number segment : {1U, 2U}) {
    QueueTables tables;
    const Number number = tables.enqueue(10);
    const std::uint32_t begin = tables.run(number).begin;
    const std::uint32_t end = tables.cut(number, 4).at;
    copy_to_new_segment(tables, {3, 4, 5, 6});
    if (segment == 1) queue::mark_settled(tables.store(), {1, begin, end, 0});
    if (segment == 2) {
      const auto records = SegmentFile(tables.place().path(), 2).records();
      queue::mark_settled(tables.store(), {2, records[0].offset, records[2].offset, 0});
    }
    // What is settled in the old segment alone has been told to be a copy before.
    Ids expected = range(segment == 1 ? 3 : 5, 10);
    if (segment == 2) expected.insert(expected.begin(), {1, 2});
    for (int i = 0; i < 3; ++i) check(rebuilt(tables) == expected);
  }
}

TEST("copies of copies, at random, of stretches that overlap: each message once, in the order of the ids") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    QueueTables tables;
    std::mt19937 random(seed);
    tables.enqueue(30);
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t from = 1 + random() % 30;
      copy_to_new_segment(tables, range(from, std::min<std::uint64_t>(30, from + random() % 12)));
    }
    if (rebuilt(tables) != range(1, 30)) check(false, "seed " + std::to_string(seed));
    if (rebuilt(tables) != range(1, 30)) check(false, "again, seed " + std::to_string(seed));
  }
}

TEST(
    "segments as compaction leaves them, at random: the same queue as one that a slow reader makes of them") {
  constexpr std::int64_t kDue = 5'000'000'000'000'000'000;
  unsigned superseded = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint64_t most) { return random() % most; };
    QueueTables tables(seed % 3 == 0 ? lifo() : queue::Shape{});
    auto& header = tables.header();
    header.compacting = 1;  // no segment goes
    const auto write = [&](std::vector<queue::RecordHead> heads) {
      if (heads.empty()) return;
      queue::RecordBatch batch;
      std::vector<std::string> texts;
      for (const auto& head : heads)
        texts.push_back(QueueTables::text_of(head.id != 0 ? head.id : header.next_id + texts.size()));
      for (std::size_t i = 0; i < heads.size(); ++i) {
        const bool is_delayed = (heads[i].flags & queue::kDelayed) != 0;
        batch.add(heads[i], is_delayed ? queue::encode_extra(queue::kDelayed, {kDue, {}}) : std::string(),
                  texts[i]);
      }
      (void)queue::Appender(tables.store()).append(batch, 0, heads.size(), true);
      tables.commit();
    };
    std::vector<queue::RecordHead> all;
    for (int segment = 0; segment < 5; ++segment) {
      if (header.last_segment != 0) tables.store().segment(header.last_segment).is_broken = true;
      for (int part = 0; part < 3; ++part) {
        // Some that are older, in one order or another, then some that are new.
        std::vector<queue::RecordHead> some = all;
        if (below(3) == 0) std::ranges::shuffle(some, random);
        std::erase_if(some, [&, every = below(6)](auto&) { return below(6) > every / 2; });
        write(some);
        some.clear();
        for (std::uint64_t i = below(12); i > 0; --i) {
          queue::RecordHead head;
          head.priority = static_cast<std::uint8_t>(below(2));
          head.flags = below(8) == 0 ? queue::kDelayed : 0;
          some.push_back(head);
        }
        write(some);
        for (auto& head : some) {
          head.id = header.next_id;
          header.next_id++;
          all.push_back(head);
        }
        // No message is twice in a segment.
        if (below(2) == 0 || header.last_segment == 0) break;
        tables.store().segment(header.last_segment).is_broken = true;
      }
    }
    // Of each message the copy in the last segment counts.
    struct Copy {
      queue::RecordHead head;
      bool is_settled = false;
    };
    std::map<std::uint64_t, Copy> latest;
    for (unsigned number = 1; number < header.next_segment; ++number) {
      const SegmentFile file(tables.place().path(), number);
      for (const auto& record : file.records()) {
        const bool is_settled = below(4) == 0;
        if (is_settled) {
          const auto end = static_cast<std::uint32_t>(record.offset + record.head.size());
          queue::mark_settled(tables.store(), {number, record.offset, end, 0});
        }
        superseded += latest.contains(record.head.id) ? 1 : 0;
        latest[record.head.id] = {record.head, is_settled};
      }
    }
    Ids expected[2];
    Ids delayed;
    for (const auto& [id, copy] : latest) {
      if (copy.is_settled) continue;
      ((copy.head.flags & queue::kDelayed) != 0 ? delayed : expected[copy.head.priority]).push_back(id);
    }
    for (int round = 0; round < 3; ++round) {
      queue::rebuild(tables.store(), [](const std::string& news) { check(false, news); });
      tables.commit();
      const std::string name = "seed " + std::to_string(seed) + ", round " + std::to_string(round);
      tables.check_sound(name);
      for (int priority = 0; priority < 2; ++priority) {
        Ids found = tables.waiting(priority);
        if (header.lifo) std::ranges::reverse(found);
        check(found == expected[priority], name);
      }
      Ids timed;
      for (Number place = 1; place <= header.timers; ++place) {
        const auto& run = tables.run(tables.store().timer(place));
        check_equal(run.time, kDue);
        check_equal(run.serial, 0U);
        const auto some = ids_in(tables, run);
        timed.insert(timed.end(), some.begin(), some.end());
      }
      std::ranges::sort(timed);
      check(timed == delayed, name);
    }
  }
  check(superseded > 100, "there were copies");
}

TEST("segments of which nothing is left go, but not the last") {
  QueueTables tables;
  tables.enqueue(3);
  copy_to_new_segment(tables, {1, 2, 3});
  copy_to_new_segment(tables, {1, 2, 3});
  copy_to_new_segment(tables, {1, 2, 3});
  check(rebuilt(tables) == range(1, 3));
  const std::string path = tables.place().path();
  check(!has_file(path, "seg-1"));
  check(!has_file(path, "seg-2"));
  check(!has_file(path, "seg-3"));
  check(has_file(path, "seg-4"));
  tables.enqueue(2);
  tables.check_sound();
  check(rebuilt(tables) == range(1, 5));
}

TEST("records that were appended but never part of the queue do no harm") {
  QueueTables tables;
  tables.enqueue(2);
  (void)tables.append(3);
  tables.store().journal().roll_back();
  tables.header().writing.segment = 0;  // as if nobody had wiped them
  const Ids ids = rebuilt(tables);
  check(ids == range(1, 5), "as after a power cut: they were never promised, but are whole");
  tables.enqueue(1);
  check(tables.waiting() == range(1, 6));
}

TEST("whatever is in the tables, the messages come back") {
  for (const char* name : {"runs", "segments", "holders", "timers"}) {
    const QueuePlace place;
    put(*place.open(), numbered(4));
    put(*place.open(), {"late"}, with_delay(hours(1)));
    (void)place.open()->lease_for(hours(1), ipc::Deadline::past(), {});
    scramble(place.path() + "/" + name);
    check(true, name);
    queue::Store::open(place.path())->distrust();
    const auto queue = place.open();
    check_equal(queue->size().messages, 5U, name);
    check_sound(*queue);
    check(take(*queue) == numbered(4), name);
    put(*queue, {"more"});
    check(take(*queue) == Texts({"more"}), name);
    check_sound(*queue);
  }
}

TEST("the same where the header's lists and counters are wrong") {
  const QueuePlace place;
  put(*place.open(), numbered(4));
  {
    const auto store = queue::Store::open(place.path());
    auto& header = store->header();
    std::memset(&header.lists, 0xEE, sizeof header.lists);
    header.queued = header.leased = header.bytes = header.free_runs = 77777;
    header.waiting = header.free_run = header.runs = header.segments = header.timers = 0xEEEE;
    header.holders = header.active = header.last_segment = 5;
    header.journal = 12345;
    header.settled = {3, 4, 5, 0};
    header.unlinking = 1;
    header.compacting = 9;
    store->distrust();
  }
  const auto queue = place.open();
  check(take(*queue) == numbered(4));
  check_sound(*queue);
}

TEST("tables that are believed and turn out to be wrong are built anew on the way, which is told") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(4));
  queue::Store::open(place.path())->header().lists[0].head = 0xFFFFFF;
  check(take(*queue) == numbered(4));
  check_equal(queue->news_of_damage().size(), 1U);
  check_sound(*queue);
}

TEST("a damaged body costs its own message, and is told") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(3));
  const SegmentFile segment(place.path(), 1);
  segment.damage(segment.records()[1].offset + queue::kRecordHeader);
  distrust(place);
  check(take(*queue) == Texts({"m1", "m3"}));
  const auto news = queue->news_of_damage();
  require(news.size() == 1);
  check_equal(news[0], "seg-1 is damaged: messages are lost");
}

TEST("so does a damaged header") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(3));
  const SegmentFile segment(place.path(), 1);
  segment.damage(segment.records()[1].offset + 8);
  distrust(place);
  check(take(*queue) == Texts({"m1", "m3"}));
  const auto news = queue->news_of_damage();
  require(news.size() == 1);
  check_equal(news[0], "seg-1 is damaged: messages are lost");
}

TEST("a tail that was cut costs what was cut, is told, and the next put works") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(3));
  const SegmentFile segment(place.path(), 1);
  segment.cut(segment.records()[2].offset + 33);
  distrust(place);
  check_equal(queue->size().messages, 2U);
  check_equal(queue->news_of_damage().size(), 1U);
  put(*queue, {"next"});
  check(take(*queue) == Texts({"m1", "m2", "next"}));
  check_sound(*queue);
}

TEST("any bit of a segment's head, flipped, costs nothing: while it is believed, and in a copy") {
  const QueuePlace place;
  put(*place.open(), numbered(3));
  const std::string segment = place.path() + "/seg-1";
  for (std::size_t bit = 0; bit < 8 * sizeof(queue::SegmentHead); ++bit) {
    const std::uint32_t at = bit % 2 == 0 ? queue::kFirstHead : queue::kSecondHead;
    SegmentFile::flip(segment, 8 * std::uint64_t{at} + bit);
    const auto queue = place.open();
    check(seen(*queue) == numbered(3), "bit " + std::to_string(bit));
    // The last four bytes of it mean nothing.
    check_equal(queue->verify().empty(), bit >= 8 * offsetof(queue::SegmentHead, unused));
    const auto copy = place.open_copy("copy");
    check(take(*copy) == numbered(3), "a copy, bit " + std::to_string(bit));
    check(queue->news_of_damage().empty() && copy->news_of_damage().empty());
    std::filesystem::remove_all(place.scratch() / "copy");
    SegmentFile::flip(segment, 8 * std::uint64_t{at} + bit);
  }
}

TEST("nor do both heads, and the queue goes on") {
  for (const std::uint64_t byte : {0U, 8U, 12U, 16U, 24U}) {
    const QueuePlace place;
    put(*place.open(), numbered(3));
    for (const std::uint32_t at : {queue::kFirstHead, queue::kSecondHead})
      SegmentFile::flip(place.path() + "/seg-1", 8 * (at + byte));
    const auto queue = place.open();
    check(seen(*queue) == numbered(3));
    put(*queue, {"more"});
    check(has_file(place.path(), "seg-2"), "nothing is added to it");
    Texts all = numbered(3);
    all.push_back("more");
    check(take(*place.open_copy("before")) == all, "a copy");
    check(take(*queue, 2) == numbered(2));
    const auto copy = place.open_copy("after");
    check(take(*copy) == Texts({"m3", "more"}), "what is settled is marked");
    put(*copy, {"there"});
    check(take(*copy) == Texts({"there"}));
    check(take(*queue) == Texts({"m3", "more"}));
    check(queue->news_of_damage().empty() && copy->news_of_damage().empty());
  }
}

TEST("a segment that nothing shows to be one is told and kept, and its number not used again") {
  QueuePlace place;
  {
    const auto queue = place.open();
    put(*queue, numbered(2));
    queue::Store::open(place.path())->segment(1).is_broken = true;
    put(*queue, {"elsewhere"});
  }
  const SegmentFile file(place.path(), 1);
  for (const std::uint32_t offset : {queue::kFirstHead, queue::kSecondHead, queue::kDataBegin})
    file.damage(offset + 9);
  const std::string bytes = file_text(place.path() + "/seg-1");
  std::filesystem::create_directory(place.path() + "/seg-7");
  std::ofstream(place.path() + "/damaged-8") << "of an earlier time";
  distrust(place);
  const auto queue = place.open();
  check(take(*queue) == Texts({"elsewhere"}));
  check(queue->news_of_damage() ==
        Texts({"seg-1 is damaged: messages are lost", "seg-7 is damaged: messages are lost"}));
  check(file_text(place.path() + "/damaged-1") == bytes);
  check(has_file(place.path(), "damaged-7"));
  std::filesystem::remove(place.path() + "/damaged-7");
  {
    const auto store = queue::Store::open(place.path());
    store->header().next_segment = 1;
    store->segment(1).is_broken = true;
    store->distrust();
  }
  const auto again = place.open();
  check(again->size().messages == 0);
  check(again->news_of_damage().empty(), "told once");
  queue::Store::open(place.path())->segment(1).is_broken = true;
  put(*again, {"more"});
  check(has_file(place.path(), "seg-9"));
  check(queue::FileQueue::remove(place.path(), false) == FileQueue::Removal::removed);
  check(!std::filesystem::exists(place.path()), "they go with the queue");
}

TEST("files that are called otherwise are no segments") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(2));
  for (const char* name : {"/seg-", "/seg-x", "/seg-0", "/seg-1~", "/seg-1.bak", "/seg-99999999999"}) {
    std::filesystem::copy_file(place.path() + "/seg-1", place.path() + name);
  }
  distrust(place);
  check(take(*queue) == numbered(2));
  check_sound(*queue);
}

TEST("nor is one whose number has zeros in front") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(2));
  std::filesystem::copy_file(place.path() + "/seg-1", place.path() + "/seg-01");
  distrust(place);
  check_equal(queue->size().messages, 2U);
  distrust(place);
  check(take(*queue) == numbered(2));
}

TEST("a segment that was being made is none yet") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(2));
  std::ofstream(place.path() + "/seg-2") << std::string(queue::kDataBegin, '\0');
  distrust(place);
  check(take(*queue) == numbered(2));
  check_sound(*queue);
}

TEST("the others go on after somebody has built the tables anew, and so do their leases' successors") {
  const QueuePlace place;
  const auto one = place.open();
  const auto two = place.open();
  put(*one, numbered(6));
  check_equal(one->take(1, ipc::Deadline::past(), {}).messages.size(), 1U);
  distrust(place);
  // Two holds something before one has noticed.
  const auto second = two->lease_one();
  check_equal(second.message.bytes, "m1");
  one->settle(1);
  const auto first = one->lease_one();
  check_equal(first.message.bytes, "m2");
  check_equal(two->stat().holders.size(), 2U);
  check_equal(two->stat().leased, 2U);
  check_sound(*one);
  check(one->done(first.lease));
  check(two->done(second.lease));
  check_sound(*two);
  check(take(*one) == Texts({"m3", "m4", "m5", "m6"}));
}

TEST("who held something before the tables were built anew is missed when he dies after it") {
  const QueuePlace place;
  const auto two = place.open();
  put(*two, numbered(6));
  auto one = place.open();
  check_equal(one->lease_one().message.bytes, "m1");
  distrust(place);
  const auto second = two->lease_one();
  check_equal(second.message.bytes, "m1");
  check_equal(one->lease_one().message.bytes, "m2");
  one.reset();  // as if killed: it still holds something
  // While there is enough else, the dead are not looked for at once.
  Texts all = take(*two);
  std::ranges::sort(all);
  check(all == Texts({"m2", "m3", "m4", "m5", "m6"}));
  check(two->done(second.lease));
  check_sound(*two);
}

TEST("a large message keeps its segment to itself") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::string large(std::size_t{17} << 20, 'L');
  put(*queue, {large});
  distrust(place);
  put(*queue, {"small"}, with_priority(1));
  check(take(*queue, 1) == Texts({"small"}));
  check_sound(*queue);
  const Texts rest = take(*queue);
  require(rest.size() == 1);
  check(rest[0] == large);
  put(*queue, {"after"});
  distrust(place);
  check(take(*queue) == Texts({"after"}));
}

TEST("a segment that is a link is neither followed nor passed over: nothing is done until it is gone") {
  const QueuePlace place;
  put(*place.open(), numbered(3));
  const std::string segment = place.path() + "/seg-1";
  std::filesystem::rename(segment, place.path() + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", segment);
  distrust(place);
  for (int i = 0; i < 2; ++i) {
    const auto queue = place.open();
    queue->call_it("jobs");
    check(check_throws<ipc::BadValue>([&] { (void)queue->size(); }) == "jobs: seg-1 is a link");
    check(check_throws<ipc::BadValue>([&] { put(*queue, {"more"}); }) == "jobs: seg-1 is a link");
  }
  std::filesystem::rename(place.path() + "/elsewhere", segment);
  check(take(*place.open()) == numbered(3));
}
