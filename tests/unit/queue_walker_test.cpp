#include <algorithm>

#include "queue/walker.hpp"
#include "queue_records_file.hpp"
#include "tap.hpp"

namespace {

using queue::Walker;

constexpr std::size_t kWindows[] = {0,  1,  7,  8,  31, 32,  33,  39,  40,   41,
                                    64, 72, 95, 96, 97, 128, 200, 555, 4096, 1000000};
const std::vector<std::size_t> kSizes{5, 0, 8, 1, 100, 33, 0, 0, 7, 1000, 3, 64};

/// The indices of the records that a walk finds; those whose body is not sound are marked with 1000 more.
std::vector<std::size_t> walk(const RecordsFile& file, Walker& walker, std::size_t window,
                              std::uint32_t begin = RecordsFile::kBegin, std::uint32_t end = 0) {
  walker.start(file.descriptor(), RecordsFile::kSalt, begin, end == 0 ? file.end() : end, window);
  std::vector<std::size_t> found;
  while (const auto one = walker.next()) {
    const auto at = std::ranges::find(file.offsets(), one->offset);
    require(at != file.offsets().end(), "a record where there is none");
    const auto index = static_cast<std::size_t>(at - file.offsets().begin());
    check_equal(one->head.id, index + 1);
    check_equal(one->body.size(), file.body(index).size());
    found.push_back(one->is_sound() ? index : index + 1000);
    if (one->is_sound()) check(one->body == file.body(index));
    check_equal(walker.position(), one->offset + one->head.size());
  }
  return found;
}

std::vector<std::size_t> all_but(std::size_t count, std::vector<std::size_t> missing = {}) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::ranges::find(missing, i) == missing.end()) all.push_back(i);
  }
  return all;
}

}  // namespace

TEST("all records are found, however much is read at a time") {
  const RecordsFile file(kSizes);
  Walker walker;
  for (const std::size_t window : kWindows) {
    check(walk(file, walker, window) == all_but(kSizes.size()), std::to_string(window));
    check(walker.at_end());
    check_equal(walker.damaged(), 0U);
    check_equal(walker.position(), file.end());
    check(!walker.next());
  }
}

TEST("only those of the stretch are found") {
  const RecordsFile file(kSizes);
  Walker walker;
  for (const std::size_t window : {0U, 50U, 4096U}) {
    check(walk(file, walker, window, file.offset(2), file.offset(4)) == std::vector<std::size_t>({2, 3}));
    check_equal(walker.damaged(), 0U);
    check(walk(file, walker, window, file.offset(2), file.offset(2)).empty());
  }
}

TEST("with damage at any byte only the record that it is in is missing, or not sound") {
  const RecordsFile file(kSizes);
  Walker walker;
  for (const std::size_t window : {std::size_t{0}, std::size_t{100}, std::size_t{4096}}) {
    for (std::size_t index = 0; index < file.count(); ++index) {
      const std::uint32_t begin = file.offset(index);
      const std::uint32_t end = index + 1 < file.count() ? file.offset(index + 1) : file.end();
      const auto body = static_cast<std::uint32_t>(file.body(index).size());
      for (std::uint32_t at = begin; at < end; ++at) {
        if (at > begin + 200 && at % 50 != 0) continue;
        file.flip(at);
        auto expected = all_but(file.count());
        std::uint32_t damaged = 0;
        if (at < begin + queue::kRecordHeader) {
          expected = all_but(file.count(), {index});
          damaged = end - begin;
        } else if (at < begin + queue::kRecordHeader + body) {
          expected[index] += 1000;
        }
        if (walk(file, walker, window) != expected) check(false, "byte " + std::to_string(at));
        if (walker.damaged() != damaged) check(false, "damaged, byte " + std::to_string(at));
        file.flip(at);
      }
    }
  }
}

TEST("a file that was cut at any byte still has the records before it") {
  const RecordsFile whole(kSizes);
  Walker walker;
  for (std::uint32_t size = whole.end() - 1; size >= RecordsFile::kBegin; size -= size > 400 ? 7 : 1) {
    whole.cut(size);
    // Of the zeros behind a record none are needed.
    std::size_t count = 0;
    while (count < whole.count() &&
           whole.offset(count) + queue::kRecordHeader + whole.body(count).size() <= size) {
      ++count;
    }
    for (const std::size_t window : {std::size_t{0}, std::size_t{64}, std::size_t{1000000}}) {
      if (walk(whole, walker, window) != all_but(count)) check(false, "cut at " + std::to_string(size));
      check(walker.at_end());
      check_equal(walker.damaged(),
                  whole.end() - (count < whole.count() ? whole.offset(count) : whole.end()));
    }
  }
}

TEST("zeros behind the last record are blank, others are damage") {
  const RecordsFile file({10, 20});
  Walker walker;
  const std::uint32_t end = file.end();
  file.cut(end + 5000);
  for (const std::size_t window : kWindows) {
    check(walk(file, walker, window, RecordsFile::kBegin, end + 5000) == all_but(2));
    check_equal(walker.damaged(), 5000U, std::to_string(window));
    check_equal(walker.blank(), 5000U, std::to_string(window));
  }
  file.flip(end + 2000);
  for (const std::size_t window : kWindows) {
    check(walk(file, walker, window, RecordsFile::kBegin, end + 5000) == all_but(2));
    check_equal(walker.damaged(), 5000U);
    check(walker.blank() < 5000U - 2000U + 8, std::to_string(window));
    check(walker.blank() >= 5000U - 2000U - 8, std::to_string(window));
  }
}

TEST("a record behind a gap of zeros is found, and the gap is damage") {
  const RecordsFile file({100, 3000, 50});
  const std::string zeros(file.offset(2) - file.offset(1), '\0');
  require(::pwrite(file.descriptor(), zeros.data(), zeros.size(), file.offset(1)) ==
          static_cast<ssize_t>(zeros.size()));
  Walker walker;
  for (const std::size_t window : kWindows) {
    check(walk(file, walker, window) == std::vector<std::size_t>({0, 2}), std::to_string(window));
    check_equal(walker.damaged(), zeros.size());
    check_equal(walker.blank(), 0U);
  }
}

TEST("a message that looks like a record is none") {
  // A whole file of records as the body of one, at the very place that they were made for.
  const RecordsFile inner({8, 8, 8});
  std::string bytes(inner.end(), '\0');
  require(::pread(inner.descriptor(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("outer"), O_RDWR);
  queue::RecordBatch batch;
  const std::string_view body = std::string_view(bytes).substr(RecordsFile::kBegin);
  batch.add({}, {}, body);
  const auto extent =
      batch.write(file.get(), 0, 1, RecordsFile::kSalt + 1, RecordsFile::kBegin - queue::kRecordHeader, 0, 1);
  // With a damaged header of its own the inside is looked through.
  require(::pwrite(file.get(), "?", 1, RecordsFile::kBegin - queue::kRecordHeader) == 1);
  Walker walker;
  walker.start(file.get(), RecordsFile::kSalt + 1, extent.begin, extent.end, 4096);
  check(!walker.next());
  walker.start(file.get(), RecordsFile::kSalt, extent.begin, extent.end, 4096);
  check(walker.next().has_value(), "but for another's salt");
}

TEST("a length that leads out of the stretch is damage") {
  const RecordsFile file({8, 500});
  Walker walker;
  check(walk(file, walker, 4096, RecordsFile::kBegin, file.end() - 8) == std::vector<std::size_t>({0}));
  check_equal(walker.damaged(), file.end() - 8 - file.offset(1));
}

TEST("without leave to read it stops before what is not there yet, and views stay good") {
  const RecordsFile file(std::vector<std::size_t>(20, 40));  // 72 bytes each
  Walker walker;
  walker.start(file.descriptor(), RecordsFile::kSalt, RecordsFile::kBegin, file.end(), 300);
  std::size_t index = 0;
  while (!walker.at_end()) {
    std::vector<queue::Found> together;
    while (const auto one = walker.next(together.empty())) together.push_back(*one);
    require(!together.empty());
    for (const auto& one : together) check(one.body == file.body(index++));
    check(together.size() <= 4);
  }
  check_equal(index, 20U);
}

TEST("it can begin anew anywhere, and lets go of a large buffer") {
  const RecordsFile file({10, 3 << 20, 10});
  Walker walker;
  for (int i = 0; i < 3; ++i) {
    check(walk(file, walker, 100) == all_but(3));
    walker.shrink();
    check(walk(file, walker, 100, file.offset(2)) == std::vector<std::size_t>({2}));
  }
}
