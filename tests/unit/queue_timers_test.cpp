#include <map>
#include <random>

#include "queue/timers.hpp"
#include "queue_tables.hpp"
#include "tap.hpp"

namespace {

using queue::Number;
using queue::Timers;

/// The heap of a queue's tables, with runs that are about nothing.
class Heap {
 public:
  Heap() : store_(place_.store()), section_(*store_) {}

  Number add(std::int64_t time) {
    auto& header = store_->header();
    Number number = 0;
    if (free_.empty()) {
      store_->reserve_runs(1);
      number = ++header.runs;
      store_->run(number) = {};
    } else {
      number = free_.back();
      free_.pop_back();
    }
    store_->reserve_timers(1);
    store_->run(number).time = time;
    Timers(*store_).add(number);
    section_.commit();
    return number;
  }
  void remove(Number number) {
    Timers(*store_).remove(number);
    section_.commit();
    check_equal(store_->run(number).timer, 0U);
    free_.push_back(number);
  }
  [[nodiscard]] Number first() const { return Timers(*store_).first(); }
  [[nodiscard]] std::int64_t time_of(Number number) const { return store_->run(number).time; }
  [[nodiscard]] queue::Store& store() const { return *store_; }

  /// Each run knows its place, and none is later than those below it.
  void check_order(tap::Here at = tap::Here::current()) const {
    for (Number place = 1; place <= store_->header().timers; ++place) {
      const Number number = store_->timer(place);
      if (store_->run(number).timer != place) check(false, "a wrong place", at);
      if (place > 1 && time_of(store_->timer(place / 2)) > time_of(number)) check(false, "out of order", at);
    }
  }

 private:
  QueuePlace place_;
  std::unique_ptr<queue::Store> store_;
  queue::Section section_;
  std::vector<Number> free_;
};

}  // namespace

TEST("an empty heap has no first") {
  Heap heap;
  check_equal(heap.first(), 0U);
  const Number only = heap.add(5);
  check_equal(heap.first(), only);
  heap.remove(only);
  check_equal(heap.first(), 0U);
}

TEST("the earliest is the first, whatever is added and removed at random") {
  Heap heap;
  std::mt19937 random(1);
  std::multimap<std::int64_t, Number> model;
  for (int i = 0; i < 6000; ++i) {
    // It grows, then shrinks.
    const bool adds = random() % 10 < (i < 3000 ? 7U : 3U);
    if (adds || model.empty()) {
      // Few times, so that many are the same.
      const auto time = static_cast<std::int64_t>(random() % 500) - 100;
      model.emplace(time, heap.add(time));
    } else {
      auto one = model.lower_bound(static_cast<std::int64_t>(random() % 500) - 100);
      if (one == model.end()) one = model.begin();
      heap.remove(one->second);
      model.erase(one);
    }
    require(heap.store().header().timers == model.size());
    if (!model.empty()) require(heap.time_of(heap.first()) == model.begin()->first);
    if (i % 100 == 0) heap.check_order();
  }
  heap.check_order();
}

TEST("taking the first again and again sorts them") {
  Heap heap;
  std::mt19937_64 random(2);
  for (int i = 0; i < 1000; ++i) heap.add(static_cast<std::int64_t>(random()));
  std::int64_t before = heap.time_of(heap.first());
  while (heap.first() != 0) {
    check(heap.time_of(heap.first()) >= before);
    before = heap.time_of(heap.first());
    heap.remove(heap.first());
  }
}

TEST("one that is removed from below is replaced by one that may belong above") {
  // The last is earlier than the one that goes, and than the one above that.
  Heap heap;
  std::vector<Number> numbers;
  for (const std::int64_t time : {1, 10, 2, 11, 12, 3, 4}) numbers.push_back(heap.add(time));
  heap.remove(numbers[3]);
  heap.check_order();
  check_equal(heap.store().run(numbers[6]).timer, 2U);
}

TEST("a run that is not in the heap is damage, and nothing changes") {
  Heap heap;
  const Number first = heap.add(1);
  const Number second = heap.add(2);
  heap.remove(second);
  check_throws<queue::Damaged>([&] { Timers(heap.store()).remove(second); });
  heap.store().run(second).timer = 1;
  check_throws<queue::Damaged>([&] { Timers(heap.store()).remove(second); }, "another's place");
  heap.store().run(second).timer = 2;
  check_throws<queue::Damaged>([&] { Timers(heap.store()).remove(second); }, "beyond the end");
  check_equal(heap.first(), first);
  heap.check_order();
}

TEST("what is not committed is undone") {
  QueueTables tables;
  for (int i = 0; i < 20; ++i) {
    tables.runs().delay(tables.make(1), 1000 - i, false);
    tables.commit();
  }
  queue::Store& store = tables.store();
  std::vector<Number> before;
  for (Number place = 1; place <= 20; ++place) before.push_back(store.timer(place));
  Timers(tables.store()).remove(store.timer(1));
  Timers(tables.store()).remove(store.timer(7));
  tables.store().journal().roll_back();
  for (Number place = 1; place <= 20; ++place) check_equal(store.timer(place), before[place - 1]);
  tables.check_sound();
}
