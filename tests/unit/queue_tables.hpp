#pragma once
/// The tables of a durable queue of the test's own, under its lock, and runs to fill them with: their messages are
/// really there, and say which they are.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "queue/append.hpp"
#include "queue/run_reader.hpp"
#include "queue/runs.hpp"
#include "queue/verify.hpp"
#include "queue_place.hpp"
#include "tap.hpp"

class QueueTables {
 public:
  explicit QueueTables(const queue::Shape& shape = {})
      : place_(shape), store_(place_.store()), section_(*store_), runs_(*store_) {}

  [[nodiscard]] queue::Store& store() const noexcept { return *store_; }
  [[nodiscard]] queue::Header& header() const noexcept { return store_->header(); }
  [[nodiscard]] queue::Runs& runs() noexcept { return runs_; }
  [[nodiscard]] queue::Run& run(queue::Number number) const { return store_->run(number); }
  [[nodiscard]] const QueuePlace& place() const noexcept { return place_; }
  void commit() { section_.commit(); }

  [[nodiscard]] static std::string text_of(std::uint64_t id) {
    return "message " + std::to_string(id) + std::string(id % 7, '.');
  }

  /// Records of `count` new messages behind all others.
  queue::Runs::Extent append(unsigned count, int priority = 0) {
    std::vector<std::string> texts;
    for (unsigned i = 0; i < count; ++i) texts.push_back(text_of(header().next_id + i));
    queue::RecordBatch batch;
    queue::RecordHead head;
    head.put_at = 1'000'000;
    head.priority = static_cast<std::uint8_t>(priority);
    for (const std::string& text : texts) batch.add(head, {}, text);
    const auto extent = queue::Appender(*store_).append(batch, 0, count, true);
    store_->journal().add(header().next_id, count);
    return extent;
  }
  /// A run of them, nowhere yet.
  queue::Number make(unsigned count, int priority = 0) {
    store_->reserve_runs(1);
    store_->reserve_timers(1);
    return runs_.make(append(count, priority), priority, 0);
  }
  /// A run of them in its list.
  queue::Number enqueue(unsigned count, int priority = 0) {
    const queue::Number number = make(count, priority);
    runs_.enqueue(number);
    commit();
    return number;
  }
  /// A holder that is there as long as the tables are believed: entry `number`, all up to it are used.
  queue::Number holder(queue::Number number) {
    while (header().holders < number) {
      store_->reserve_holder();
      store_->journal().add(header().holders, 1);
      queue::HolderEntry entry{};
      entry.pid = 1000 + static_cast<int>(header().holders);
      entry.serial = header().next_serial;
      store_->journal().add(header().next_serial, 1);
      store_->journal().copy(&store_->holder(header().holders), &entry, sizeof entry);
      store_->journal().add(header().active, 1);
    }
    commit();
    return number;
  }

  /// The ids of the messages that a run has, in their order.
  [[nodiscard]] std::vector<std::uint64_t> ids(queue::Number number) const { return ids_of(run(number)); }
  [[nodiscard]] std::vector<std::uint64_t> ids_of(const queue::Run& run) const {
    std::vector<std::uint64_t> ids;
    const auto& entry = store_->segment(run.segment);
    queue::Walker walker;
    walker.start(store_->segment_descriptor(entry), entry.salt, run.begin, run.end, 65536);
    while (const auto found = walker.next()) {
      check_equal(found->body, text_of(found->head.id));
      ids.push_back(found->head.id);
    }
    return ids;
  }
  /// Of a list, in the order in which they would be taken.
  [[nodiscard]] std::vector<std::uint64_t> ids(const queue::List& list) const {
    std::vector<std::uint64_t> all;
    for (queue::Number number = list.head; number != 0; number = run(number).next) {
      auto some = ids(number);
      if (header().lifo) std::ranges::reverse(some);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  [[nodiscard]] std::vector<std::uint64_t> waiting(int priority = 0) const {
    return ids(header().lists[priority]);
  }
  /// Where records [first, first + count) of a run begin and end, for split().
  struct Cut {
    std::uint32_t at = 0;    ///< where record `count` begins
    std::uint32_t last = 0;  ///< where the record before it does
    std::uint32_t bytes_before = 0;
    std::uint32_t bytes_behind = 0;
  };
  [[nodiscard]] Cut cut(queue::Number number, unsigned count) const {
    Cut cut;
    const queue::Run& of = run(number);
    const auto& entry = store_->segment(of.segment);
    queue::Walker walker;
    walker.start(store_->segment_descriptor(entry), entry.salt, of.begin, of.end, 65536);
    for (unsigned i = 0; const auto found = walker.next(); ++i) {
      if (i < count) cut.last = found->offset;
      if (i == count) cut.at = found->offset;
      (i < count ? cut.bytes_before : cut.bytes_behind) += queue::message_size(*found);
    }
    return cut;
  }

  void check_sound(std::string_view what = {}, tap::Here at = tap::Here::current()) const {
    for (const std::string& finding : queue::verify(*store_))
      check(false, finding + " " + std::string(what), at);
    tap::note(true, "", what, at);
  }

 private:
  QueuePlace place_;
  std::unique_ptr<queue::Store> store_;
  queue::Section section_;
  queue::Runs runs_;
};

using Ids = std::vector<std::uint64_t>;
