#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "queue/runs.hpp"
#include "queue/timers.hpp"
#include "queue_tables.hpp"
#include "tap.hpp"

namespace {

using queue::Number;
using queue::Run;
using queue::Runs;
using queue::RunState;
using queue::Shape;

Ids range(std::uint64_t from, std::uint64_t to) {
  Ids ids(to - from + 1);
  std::iota(ids.begin(), ids.end(), from);
  return ids;
}

/// What a run counts for where it is: messages queued, delayed, leased, and bytes.
void check_counters(const QueueTables& tables, std::uint64_t queued, std::uint64_t delayed,
                    std::uint64_t leased, tap::Here at = tap::Here::current()) {
  check_equal(tables.header().queued, queued, "queued", at);
  check_equal(tables.header().delayed, delayed, "delayed", at);
  check_equal(tables.header().leased, leased, "leased", at);
  check_equal(tables.header().bytes > 0, queued + delayed > 0, "bytes", at);
  tables.check_sound({}, at);
}

enum class Place { queue, front, later, holder, lent };
constexpr Place kPlaces[] = {Place::queue, Place::front, Place::later, Place::holder, Place::lent};

void put(QueueTables& tables, Number number, Place place) {
  Runs& runs = tables.runs();
  switch (place) {
    case Place::queue: runs.enqueue(number); break;
    case Place::front: runs.come_back(number); break;
    case Place::later: runs.delay(number, 5000, true); break;
    case Place::holder: runs.hold(number, 2, 4000); break;
    case Place::lent: runs.lend(number, 6000); break;
  }
  tables.commit();
}

/// The entries of the file `runs`, as the disk has them.
std::uint64_t table_size(const QueueTables& tables) {
  struct stat status {};
  require(::stat((tables.place().path() + "/runs").c_str(), &status) == 0);
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

TEST("a run goes from every place to every other, and all counters with it") {
  QueueTables tables;
  tables.holder(2);
  tables.enqueue(2);
  const Number moving = tables.make(3);
  const Number other = tables.make(1);
  put(tables, other, Place::holder);
  for (const Place from : kPlaces) {
    for (const Place to : kPlaces) {
      put(tables, moving, from);
      tables.runs().withdraw(moving);
      tables.commit();
      check(tables.run(moving).state == RunState::free);
      check_equal(tables.run(moving).serial, 0U, "no lease");
      put(tables, moving, to);
      const bool queued = to == Place::queue || to == Place::front;
      const bool leased = to == Place::holder || to == Place::lent;
      check_counters(tables, queued ? 5 : 2, to == Place::later ? 3 : 0, leased ? 4 : 1);
      tables.runs().withdraw(moving);
      tables.commit();
    }
  }
}

TEST("each priority has a list and a bit of its own") {
  QueueTables tables;
  for (int priority = 9; priority >= 0; --priority) {
    tables.enqueue(1, priority);
    tables.enqueue(2, priority);
  }
  check_equal(tables.header().waiting, 0x3FFU);
  check(tables.waiting(9) == Ids({1, 2, 3}));
  check(tables.waiting(0) == Ids({28, 29, 30}));
  tables.check_sound();
  for (const int priority : {4, 0, 9}) {
    auto& list = tables.header().lists[priority];
    while (list.head != 0) {
      tables.runs().withdraw(list.head);
      tables.commit();
    }
    check_equal(list.tail, 0U);
    check_equal(tables.header().waiting >> priority & 1U, 0U);
  }
  check_equal(tables.header().waiting, 0x1EEU);
}

TEST("the last to come is the last to go; what comes back is in front again, in its old order") {
  std::vector<int> order = {0, 1, 2};
  do {
    QueueTables tables;
    const Number numbers[] = {tables.enqueue(2), tables.enqueue(1), tables.enqueue(2)};
    tables.enqueue(1);
    check(tables.waiting() == range(1, 6));
    for (const Number number : numbers) tables.runs().withdraw(number);
    for (const int which : order) tables.runs().come_back(numbers[which]);
    tables.commit();
    check(tables.waiting() == range(1, 6));
    tables.check_sound();
  } while (std::ranges::next_permutation(order).found);
}

TEST("with the newest first it is the other way round, and what comes back goes before them all") {
  QueueTables tables(lifo());
  const Number oldest = tables.enqueue(2);
  tables.enqueue(1);
  tables.enqueue(1);
  check(tables.waiting() == Ids({4, 3, 2, 1}));
  tables.runs().withdraw(oldest);
  tables.runs().come_back(oldest);
  tables.commit();
  check(tables.waiting() == Ids({2, 1, 4, 3}));
  tables.check_sound();
}

TEST("runs are taken out of the front, the middle and the end of a list") {
  QueueTables tables;
  std::vector<Number> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(tables.enqueue(1));
  for (const std::size_t index : {std::size_t{2}, std::size_t{0}, std::size_t{4}}) {
    tables.runs().withdraw(numbers[index]);
    tables.runs().drop(numbers[index]);
    tables.commit();
    tables.check_sound();
  }
  check(tables.waiting() == Ids({2, 4}));
}

TEST("each lease has a number of its own") {
  QueueTables tables;
  tables.holder(2);
  const Number number = tables.make(1);
  std::vector<std::uint64_t> serials;
  for (int i = 0; i < 10; ++i) {
    put(tables, number, i % 2 == 0 ? Place::holder : Place::lent);
    serials.push_back(tables.run(number).serial);
    tables.runs().withdraw(number);
    tables.commit();
  }
  std::ranges::sort(serials);
  check(std::ranges::adjacent_find(serials) == serials.end());
  check(serials.front() != 0);
}

TEST("a holder's runs are listed in the order in which it got them") {
  QueueTables tables;
  tables.holder(2);
  for (int i = 0; i < 3; ++i) put(tables, tables.make(2), Place::holder);
  check(tables.ids(tables.store().holder(2).runs) == range(1, 6));
  check_equal(tables.store().holder(2).runs_held, 3U);
  check_equal(tables.store().holder(1).runs_held, 0U);
  tables.check_sound();
}

TEST("what is cut off the front of a run is another, and the rest stays where it is") {
  QueueTables tables;
  tables.enqueue(1);
  const Number number = tables.enqueue(9);
  tables.enqueue(1);
  for (const unsigned count : {1U, 3U, 4U}) {
    const auto cut = tables.cut(number, count);
    tables.store().reserve_runs(1);
    const Number part = tables.runs().split(number, cut.at, cut.last, count, cut.bytes_before, false);
    check_equal(tables.ids(part).size(), count);
    tables.runs().lend(part, 100);
    tables.commit();
    tables.check_sound();
  }
  check(tables.waiting() == Ids({1, 10, 11}));
  check_counters(tables, 3, 0, 8);
}

TEST("what is cut off the back of a run is another, and the rest stays where it is") {
  QueueTables tables(lifo());
  tables.enqueue(1);
  const Number number = tables.enqueue(9);
  tables.enqueue(1);
  for (const unsigned count : {1U, 3U, 4U}) {
    const unsigned stay = tables.run(number).count - count;
    const auto cut = tables.cut(number, stay);
    tables.store().reserve_runs(1);
    const Number part = tables.runs().split(number, cut.at, cut.last, count, cut.bytes_behind, true);
    check_equal(tables.ids(part).size(), count);
    check_equal(tables.ids(part).back(), 2 + stay + count - 1);
    tables.runs().lend(part, 100);
    tables.commit();
    tables.check_sound();
  }
  check(tables.waiting() == Ids({11, 2, 1}));
}

TEST("a part has the tries of its run") {
  QueueTables tables;
  const Number number = tables.enqueue(4);
  tables.store().journal().set(tables.run(number).attempts, 7);
  const auto cut = tables.cut(number, 2);
  tables.store().reserve_runs(1);
  const Number part = tables.runs().split(number, cut.at, cut.last, 2, cut.bytes_before, false);
  check_equal(tables.run(part).attempts, 7U);
  check_equal(tables.run(number).attempts, 7U);
}

TEST("a run is not cut where it has no middle") {
  QueueTables tables;
  const Number number = tables.enqueue(4);
  const Run run = tables.run(number);
  tables.store().reserve_runs(1);
  const auto split = [&](std::uint32_t at, std::uint32_t count) {
    check_throws<queue::Damaged>([&] { (void)tables.runs().split(number, at, run.begin, count, 1, false); });
  };
  split(run.begin, 1);
  split(run.end, 1);
  split(run.end + 64, 1);
  split(tables.cut(number, 2).at, 4);
  tables.check_sound();
}

TEST("what was cut off the front goes back to where it was") {
  for (const bool newest_first : {false, true}) {
    QueueTables tables(newest_first ? lifo() : Shape{});
    tables.enqueue(2);
    const Number number = tables.enqueue(5);
    tables.enqueue(2);
    const Ids before = tables.waiting();
    const auto cut = tables.cut(number, 2);
    tables.store().reserve_runs(1);
    const Number part = tables.runs().split(number, cut.at, cut.last, 2, cut.bytes_before, false);
    tables.runs().put_back_front(part, number);
    tables.commit();
    check(tables.waiting() == before);
    tables.check_sound();
    tables.runs().join_neighbours(part);
    tables.commit();
    check(tables.waiting() == before);
    tables.check_sound();
  }
}

TEST("the same at both ends of the list") {
  for (const bool newest_first : {false, true}) {
    QueueTables tables(newest_first ? lifo() : Shape{});
    const Number number = tables.enqueue(5);
    const auto cut = tables.cut(number, 2);
    tables.store().reserve_runs(1);
    const Number part = tables.runs().split(number, cut.at, cut.last, 2, cut.bytes_before, false);
    tables.runs().put_back_front(part, number);
    tables.commit();
    check(tables.waiting() == (newest_first ? Ids({5, 4, 3, 2, 1}) : range(1, 5)));
    tables.check_sound();
  }
}

TEST("more records extend a run") {
  QueueTables tables;
  const Number number = tables.enqueue(3);
  tables.runs().extend(number, tables.append(4));
  tables.commit();
  check(tables.ids(number) == range(1, 7));
  check_counters(tables, 7, 0, 0);
}

TEST("neighbours that go on with each other become one") {
  for (const bool newest_first : {false, true}) {
    QueueTables tables(newest_first ? lifo() : Shape{});
    tables.enqueue(2);
    const Number second = tables.enqueue(3);
    tables.runs().join_neighbours(second);
    tables.commit();
    check_equal(tables.header().free_runs, 1U);
    check(tables.waiting() == (newest_first ? Ids({5, 4, 3, 2, 1}) : range(1, 5)));
    tables.check_sound();
  }
}

TEST("what goes back to the front joins the rest that it was cut from") {
  for (const bool newest_first : {false, true}) {
    QueueTables tables(newest_first ? lifo() : Shape{});
    tables.holder(1);
    const Number number = tables.enqueue(5);
    const Ids before = tables.waiting();
    const auto cut = tables.cut(number, newest_first ? 3 : 2);
    tables.store().reserve_runs(1);
    const Number part = tables.runs().split(number, cut.at, cut.last, 2,
                                            newest_first ? cut.bytes_behind : cut.bytes_before, newest_first);
    tables.runs().hold(part, 1, 5);
    tables.commit();
    check_counters(tables, 3, 0, 2);
    tables.runs().withdraw(part);
    tables.runs().come_back(part);
    tables.runs().join_neighbours(part);
    tables.commit();
    check(tables.waiting() == before);
    check_equal(tables.header().free_runs, 1U);
    check_counters(tables, 5, 0, 0);
  }
}

TEST("neighbours that differ, or lie apart, stay two") {
  QueueTables tables;
  const auto stays = [&](Number number, tap::Here at = tap::Here::current()) {
    const auto free = tables.header().free_runs;
    const Ids before = tables.waiting();
    tables.runs().join_neighbours(number);
    tables.commit();
    check_equal(tables.header().free_runs, free, {}, at);
    check(tables.waiting() == before, {}, at);
  };
  tables.enqueue(1);
  tables.enqueue(1, 5);  // between them in the segment
  stays(tables.enqueue(1));
  const Number tried = tables.enqueue(1);
  tables.store().journal().set(tables.run(tried).attempts, 1);
  stays(tried);
  const Number answered = tables.enqueue(1);
  tables.store().journal().set(tables.run(answered).attempts, 1);
  tables.store().journal().set(tables.run(answered).flags, queue::kWantsAnswer);
  stays(answered);
  tables.check_sound();
}

TEST("a run's records can be elsewhere from now on, and nothing is marked where they were") {
  for (const Place place : kPlaces) {
    QueueTables tables;
    tables.holder(2);
    tables.enqueue(2);
    const Number number = tables.make(3);
    put(tables, number, place);
    const Run before = tables.run(number);
    const auto& entry = tables.store().segment(1);
    // As compaction copies them: their ids stay.
    queue::RecordBatch batch;
    std::vector<std::string> texts;
    for (std::uint64_t id = 3; id <= 5; ++id) texts.push_back(QueueTables::text_of(id));
    for (std::uint64_t id = 3; id <= 5; ++id) {
      queue::RecordHead head;
      head.id = id;
      batch.add(head, {}, texts[id - 3]);
    }
    tables.runs().relocate(number, queue::Appender(tables.store()).append(batch, 0, 3, true));
    tables.commit();
    check(tables.ids(number) == range(3, 5));
    check(tables.run(number).begin >= before.end);
    check(tables.run(number).state == before.state);
    const queue::SettledBits bits(tables.store().segment_descriptor(entry));
    check(!bits.has(before.begin) && !bits.has(before.last));
    check(!bits.has(tables.run(number).begin));
    tables.check_sound();
  }
}

TEST("a run that ends is settled, and its entry used again") {
  QueueTables tables;
  tables.enqueue(1);
  const Number number = tables.enqueue(2);
  tables.enqueue(1);
  const Run before = tables.run(number);
  tables.runs().withdraw(number);
  tables.runs().drop(number);
  tables.commit();
  const queue::SettledBits bits(tables.store().segment_descriptor(tables.store().segment(1)));
  check(bits.has(before.begin) && bits.has(before.last));
  check(!bits.has(before.end));
  check(!bits.has(queue::kDataBegin));
  check_equal(tables.header().free_runs, 1U);
  check_counters(tables, 2, 0, 0);
  check_equal(tables.enqueue(1), number);
  check_equal(tables.header().free_runs, 0U);
  check_equal(tables.header().runs, 3U);
}

TEST("what was not committed has not happened") {
  const QueuePlace place;
  {
    const auto store = place.store();
    Runs runs(*store);
    const queue::Section section(*store);
    store->reserve_runs(1);
    store->reserve_timers(1);
    queue::RecordBatch batch;
    batch.add({}, {}, "a");
    const auto extent = queue::Appender(*store).append(batch, 0, 1);
    runs.delay(runs.make(extent, 3, 0), 100, false);
    check_equal(store->header().delayed, 1U);
  }
  const auto store = place.store();
  const queue::Section section(*store);
  check_equal(store->header().runs, 0U);
  check_equal(store->header().timers, 0U);
  check_equal(store->header().delayed, 0U);
  check_equal(store->header().segments, 0U);
  check(::access((place.path() + "/seg-1").c_str(), F_OK) != 0, "its segment has gone");
  check(queue::verify(*store).empty());
}

TEST("whatever is done at random keeps all of it in step") {
  QueueTables tables;
  tables.holder(2);
  std::mt19937 random(7);
  const auto any = [&random](std::size_t below) { return random() % below; };
  std::vector<Number> numbers;
  std::size_t messages = 0;
  for (int i = 0; i < 600; ++i) {
    if (numbers.size() < 5 || any(3) == 0) {
      const auto count = static_cast<unsigned>(1 + any(4));
      numbers.push_back(tables.make(count, static_cast<int>(any(3))));
      messages += count;
      put(tables, numbers.back(), kPlaces[any(5)]);
    } else {
      const std::size_t index = any(numbers.size());
      const Number number = numbers[index];
      tables.runs().withdraw(number);
      if (any(3) == 0) {
        messages -= tables.run(number).count;
        tables.runs().drop(number);
        tables.commit();
        numbers.erase(numbers.begin() + static_cast<std::ptrdiff_t>(index));
      } else {
        put(tables, number, kPlaces[any(5)]);
      }
    }
    if (i % 20 == 0) tables.check_sound();
    const auto& header = tables.header();
    if (header.queued + header.delayed + header.leased != messages) check(false, "a message too few or many");
  }
  tables.check_sound();
}

TEST("a table that is mostly free becomes shorter, and nothing is lost") {
  QueueTables tables;
  tables.holder(2);
  constexpr std::size_t kMany = 9000;
  for (std::size_t i = 0; i < kMany; ++i) put(tables, tables.make(1), kPlaces[i % 5]);
  const std::uint64_t before = table_size(tables);
  // Runs change their numbers meanwhile: they are told by their messages.
  Ids expected;
  std::mt19937 random(3);
  for (std::size_t i = 0; i < 40; ++i) expected.push_back(1 + random() % kMany);
  std::ranges::sort(expected);
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  for (bool any = true; any;) {
    any = false;
    for (Number number = 1; number <= tables.header().runs; ++number) {
      if (tables.run(number).state == RunState::free) continue;
      if (std::ranges::binary_search(expected, tables.ids(number).front())) continue;
      any = true;
      tables.runs().withdraw(number);
      tables.runs().drop(number);
      tables.commit();
      tables.runs().tighten();
    }
  }
  tables.check_sound();
  Ids left;
  for (Number number = 1; number <= tables.header().runs; ++number) {
    if (tables.run(number).state != RunState::free) left.push_back(tables.ids(number).front());
  }
  std::ranges::sort(left);
  check(left == expected);
  check(tables.header().runs < 4096);
  check(table_size(tables) < before);
  check_equal(table_size(tables), tables.header().runs_bytes);
  // And it goes on.
  for (int i = 0; i < 5000; ++i) tables.enqueue(1);
  tables.check_sound();
}
