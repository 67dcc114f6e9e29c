#include <algorithm>
#include <random>

#include "queue/run_reader.hpp"
#include "queue_records_file.hpp"
#include "tap.hpp"

namespace {

using queue::Found;
using queue::Run;
using queue::RunReader;

/// What is left of a run after that part of it was taken, as Runs::split() leaves it.
void take_off(Run& run, const RunReader::Part& part, bool from_end) {
  check(part.cut > run.begin && part.cut < run.end, "a cut inside");
  check(part.count < run.count, "not all of it");
  if (from_end) {
    run.end = part.cut;
    run.last = part.last;
  } else {
    run.begin = part.cut;
  }
  run.count -= part.count;
  run.bytes -= part.bytes;
}

/// Reads a run in parts to its end; returns the ids in the order in which they came.
std::vector<std::uint64_t> drain(const RecordsFile& file, std::size_t most, bool from_end,
                                 std::size_t window) {
  RunReader reader;
  std::vector<Found> found;
  std::vector<std::uint64_t> ids;
  Run run = file.run();
  for (int i = 0; i < 1000; ++i) {
    const auto part = reader.read(file.descriptor(), RecordsFile::kSalt, run, most, from_end, window, found);
    if (found.size() > most) check(false, "more than were asked for");
    for (const Found& one : found) {
      ids.push_back(one.head.id);
      if (one.is_sound()) check(one.body == file.body(one.head.id - 1));
    }
    if (!part) return ids;
    check_equal(part->count, found.size());
    check_equal(part->bytes, message_sizes(found, found.size()));
    const auto reach = from_end ? run.end - part->cut : part->cut - run.begin;
    check(reader.damaged() > 0 || found.size() == 1 || reach < window + queue::kAlignment,
          "within the window");
    if (!from_end) check_equal(part->last, found.back().offset);
    take_off(run, *part, from_end);
  }
  check(false, "it does not end");
  return ids;
}

std::vector<std::uint64_t> ids_up_to(std::size_t count, bool from_end) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 1; id <= count; ++id) ids.push_back(id);
  if (from_end) std::ranges::reverse(ids);
  return ids;
}

const std::vector<std::size_t> kSizes{5, 0, 8, 1, 100, 33, 0, 0, 7, 1000, 3, 64, 2};

}  // namespace

TEST("a run is read to its end from both sides, by any number, in any window") {
  const RecordsFile file(kSizes);
  for (const bool from_end : {false, true}) {
    const auto expected = ids_up_to(kSizes.size(), from_end);
    for (std::size_t most = 1; most <= kSizes.size() + 1; ++most) {
      for (const std::size_t window :
           {0U, 1U, 32U, 33U, 40U, 64U, 100U, 150U, 500U, 1100U, 4096U, 1U << 20}) {
        if (drain(file, most, from_end, window) != expected) {
          check(false, std::to_string(most) + " in " + std::to_string(window));
        }
      }
    }
  }
}

TEST("a run of one record is all of it") {
  const RecordsFile file({12});
  for (const bool from_end : {false, true}) {
    RunReader reader;
    std::vector<Found> found;
    check(!reader.read(file.descriptor(), RecordsFile::kSalt, file.run(), 1, from_end, 10, found));
    require(found.size() == 1);
    check_equal(found[0].head.id, 1U);
    check_equal(reader.damaged(), 0U);
  }
}

TEST("the sizes of messages are without what goes before them") {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("records"), O_RDWR);
  queue::RecordBatch batch;
  queue::RecordHead head;
  batch.add(head, {}, "plain");
  head.flags = queue::kDelayed;
  batch.add(head, queue::encode_extra(head.flags, {5, {}}), "late");
  head.flags = queue::kDeadLetter;
  batch.add(head, queue::encode_extra(head.flags, {0, {1, 2, "error"}}), "dead!!");
  const auto extent = batch.write(file.get(), 0, 3, 1, 8, 0, 1);
  check_equal(extent.bytes, 5U + 4 + 6);
  Run run{};
  run.begin = extent.begin;
  run.end = extent.end;
  run.last = extent.last;
  run.count = extent.count;
  run.bytes = extent.bytes;
  RunReader reader;
  std::vector<Found> found;
  check(!reader.read(file.get(), 1, run, 10, false, 4096, found));
  require(found.size() == 3);
  check_equal(message_sizes(found, 0), 0U);
  check_equal(message_sizes(found, 2), 9U);
  check_equal(message_sizes(found, 3), 15U);
}

TEST("damage at any byte of a header costs its own record alone, from both sides") {
  const std::vector<std::size_t> sizes{5, 0, 8, 100, 33, 0, 7};
  const RecordsFile file(sizes);
  for (const bool from_end : {false, true}) {
    for (std::size_t index = 0; index < sizes.size(); ++index) {
      for (std::uint32_t byte = 0; byte < queue::kRecordHeader; byte += 3) {
        file.flip(file.offset(index) + byte);
        auto expected = ids_up_to(sizes.size(), from_end);
        std::erase(expected, index + 1);
        for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
          if (drain(file, most, from_end, 4096) != expected) {
            check(false, "record " + std::to_string(index) + ", by " + std::to_string(most));
          }
        }
        file.flip(file.offset(index) + byte);
      }
    }
  }
}

TEST("damage at random, in many places, never yields a record twice or one that is none") {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::vector<std::size_t> sizes{5, 0, 8, 100, 33, 0, 7, 20, 20, 20};
    const RecordsFile file(sizes);
    std::vector<bool> hit(sizes.size());
    for (int i = 0; i < 3; ++i) {
      const std::size_t index = random() % sizes.size();
      if (hit[index]) continue;
      hit[index] = true;
      file.flip(file.offset(index) + static_cast<std::uint32_t>(random() % queue::kRecordHeader));
    }
    for (const bool from_end : {false, true}) {
      auto expected = ids_up_to(sizes.size(), from_end);
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (hit[i]) std::erase(expected, i + 1);
      }
      for (const std::size_t most : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
        if (drain(file, most, from_end, 200) != expected) check(false, "round " + std::to_string(round));
      }
    }
  }
}

TEST("of a run that is all damaged nothing is found, which is told") {
  const RecordsFile file({5, 10});
  file.flip(file.offset(0));
  file.flip(file.offset(1));
  for (const bool from_end : {false, true}) {
    RunReader reader;
    std::vector<Found> found;
    check(!reader.read(file.descriptor(), RecordsFile::kSalt, file.run(), 5, from_end, 4096, found));
    check(found.empty());
    check_equal(reader.damaged(), file.end() - RecordsFile::kBegin);
  }
}

TEST("a run whose end was cut off has the records before it") {
  const std::vector<std::size_t> sizes{5, 0, 8, 100, 33};
  for (const bool from_end : {false, true}) {
    const RecordsFile file(sizes);
    file.cut(file.offset(3) + 50);
    auto expected = ids_up_to(3, from_end);
    check(drain(file, 100, from_end, 4096) == expected);
    check(drain(file, 1, from_end, 4096) == expected);
  }
}
