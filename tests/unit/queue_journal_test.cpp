#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "child.hpp"
#include "ipc/error.hpp"
#include "queue/journal.hpp"
#include "scratch.hpp"
#include "stepped.hpp"
#include "tap.hpp"

namespace {

using queue::Journal;
using queue::MappedFile;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMost = 64;
constexpr std::size_t kNotesAt = 1024;
constexpr std::size_t kNotesEnd = kNotesAt + kMost * sizeof(Journal::Note);

/// What the files hold for the tests, behind the notes.
struct Values {
  std::uint64_t wide = 1;
  std::uint32_t middle = 2;
  std::uint16_t narrow = 3;
  std::uint8_t byte = 4;
  bool flag = false;
  std::int64_t negative = -5;
  std::uint64_t block[4] = {6, 7, 8, 9};
};

/// Two mapped files and a journal in the first of them.
struct Files {
  Scratch scratch;
  ipc::Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  std::string first_path = scratch.file("first", std::string(2 * kPage, '\0'));
  std::string second_path = scratch.file("second", std::string(kPage, '\0'));
  MappedFile first{directory.get(), "first"};
  MappedFile second{directory.get(), "second"};
  Journal journal{{&first, nullptr, &second, nullptr, nullptr}, 0, kNotesAt, kMost};

  Files() {
    const Values start;
    std::memcpy(first.data() + kPage, &start, sizeof start);
    std::memcpy(second.data(), &start, sizeof start);
  }
  [[nodiscard]] std::uint64_t& count() const { return *reinterpret_cast<std::uint64_t*>(first.data()); }
  [[nodiscard]] Journal::Note& note(std::size_t index) const {
    return reinterpret_cast<Journal::Note*>(first.data() + kNotesAt)[index];
  }
  [[nodiscard]] Values& one() const { return *reinterpret_cast<Values*>(first.data() + kPage); }
  [[nodiscard]] Values& two() const { return *reinterpret_cast<Values*>(second.data()); }
  /// All but the count and the notes.
  [[nodiscard]] std::string text() const {
    return std::string(first.data() + 8, kNotesAt - 8) +
           std::string(first.data() + kNotesEnd, first.size() - kNotesEnd) +
           std::string(second.data(), second.size());
  }
  void become(const Files& other) const {
    std::memcpy(first.data(), other.first.data(), first.size());
    std::memcpy(second.data(), other.second.data(), second.size());
  }
};

/// A change of every sort, the same place more than once; ends itself before step `end`.
void change(Files& files, int end = 100) {
  int step = 0;
  const auto next = [&] {
    if (step++ == end) ::kill(::getpid(), SIGKILL);
  };
  Journal& journal = files.journal;
  constexpr std::uint64_t kBlock[4] = {0x6666, 7, 0x8888, 0x9999};
  next(), journal.set(files.one().wide, 0x1111111111111111);
  next(), journal.set(files.two().middle, 0x22222222U);
  next(), journal.set(files.one().narrow, 0x3333U);
  next(), journal.set(files.two().byte, 0x44U);
  next(), journal.set(files.one().flag, true);
  next(), journal.add(files.two().wide, 41);
  next(), journal.subtract(files.one().negative, 7);
  next(), journal.set(files.one().wide, 0x5555555555555555);
  next(), journal.copy(files.two().block, kBlock, sizeof kBlock);
  next(), journal.set(files.two().middle, 2);
  next(), journal.set(files.one().flag, false);
  next();
}
constexpr int kSteps = 12;

}  // namespace

TEST("what is committed stays") {
  Files files;
  check(files.journal.empty());
  change(files);
  check(!files.journal.empty());
  files.journal.commit();
  check(files.journal.empty());
  const std::string text = files.text();
  files.journal.roll_back();
  check(files.text() == text);
  check_equal(files.one().wide, 0x5555555555555555U);
  check_equal(files.one().negative, -12);
  check_equal(files.two().wide, 42U);
  check_equal(files.two().block[3], 0x9999U);
}

TEST("what is not committed is undone, also where it was changed twice") {
  Files files;
  const std::string before = files.text();
  change(files);
  check(files.text() != before);
  files.journal.roll_back();
  check(files.text() == before);
  check(files.journal.empty());
}

TEST("after a commit only the changes since are undone") {
  Files files;
  files.journal.set(files.one().wide, 10);
  files.journal.commit();
  const std::string before = files.text();
  change(files);
  files.journal.roll_back();
  check(files.text() == before);
  check_equal(files.one().wide, 10U);
}

TEST("a value that is there already takes no note") {
  Files files;
  files.journal.set(files.one().wide, 1);
  files.journal.add(files.one().narrow, 0);
  check(files.journal.empty());
  check_equal(files.count(), 0U);
}

TEST("a narrow value leaves its neighbours alone, forward and back") {
  Files files;
  files.journal.set(files.one().byte, 200);
  check_equal(files.one().narrow, 3U);
  check_equal(files.one().flag, false);
  files.one().narrow = 77;  // not by the journal
  files.one().flag = true;
  files.journal.roll_back();
  check_equal(files.one().byte, 4U);
  check_equal(files.one().narrow, 77U);
  check_equal(files.one().flag, true);
}

TEST("sums wrap as their type does") {
  Files files;
  files.journal.add(files.one().byte, 255);
  check_equal(files.one().byte, 3U);
  files.journal.subtract(files.one().middle, 3);
  check_equal(files.one().middle, 0xFFFFFFFFU);
  files.journal.roll_back();
  check_equal(files.one().byte, 4U);
  check_equal(files.one().middle, 2U);
}

TEST("a change that is too large for the journal is refused before it does anything, and can be undone") {
  Files files;
  const std::string before = files.text();
  for (std::uint64_t i = 0; i < kMost; ++i) files.journal.set(files.one().wide, 100 + i);
  const std::string full = files.text();
  try {
    files.journal.set(files.two().wide, 5);
    check(false, "it took one more");
  } catch (const ipc::Error& error) {
    check_equal(error.errnum(), EOVERFLOW);
  }
  check(files.text() == full);
  check_throws<ipc::Error>([&] { files.journal.copy(files.two().block, files.one().block, 8); });
  check(files.text() == full);
  files.journal.roll_back();
  check(files.text() == before);
  files.journal.set(files.two().wide, 5);
  check_equal(files.two().wide, 5U);
}

TEST("a place in none of the files is refused") {
  Files files;
  std::uint64_t elsewhere = 1;
  try {
    files.journal.set(elsewhere, 2);
    check(false, "it was taken");
  } catch (const ipc::Error& error) {
    check_equal(error.errnum(), EFAULT);
  }
  check_equal(elsewhere, 1U);
  check(files.journal.empty());
}

TEST("whoever comes after one that was killed between two changes finds all as it was") {
  for (int end = 0; end < kSteps; ++end) {
    Files files;
    const std::string before = files.text();
    check_equal(in_child([&] {
                  change(files, end);
                  return 0;
                }).signal,
                SIGKILL);
    check(end == 0 || !files.journal.empty());
    files.journal.roll_back();
    check(files.text() == before, "step " + std::to_string(end));
    check(files.journal.empty());
  }
}

TEST("a process killed at any instruction leaves all as it was, or all as it should be") {
  Files files;
  Files copy;
  const std::string before = files.text();
  change(files);
  const std::string after = files.text();
  files.journal.roll_back();
  std::size_t looks = 0;
  bool is_done = false;
  step_through(
      [&] {
        change(files);
        files.journal.commit();
      },
      [&] {
        ++looks;
        copy.become(files);
        copy.journal.roll_back();
        const std::string text = copy.text();
        if (!is_done && text == after) is_done = true;
        if (text != (is_done ? after : before)) check(false, "instruction " + std::to_string(looks));
      });
  check(is_done);
  check(looks > 200);
}

TEST("rolling back can be killed at any instruction and done again") {
  Files files;
  Files copy;
  const std::string before = files.text();
  change(files);
  std::size_t looks = 0;
  step_through([&] { files.journal.roll_back(); },
               [&] {
                 ++looks;
                 copy.become(files);
                 copy.journal.roll_back();
                 if (copy.text() != before) check(false, "instruction " + std::to_string(looks));
               });
  check(files.journal.empty());
  check(files.text() == before);
}

TEST("a file that the dead one made longer is undone to its new end") {
  Files files;
  check_equal(in_child([&] {
                files.second.grow(3 * kPage);
                std::memset(files.second.data() + kPage, 'o', 2 * kPage);
                files.journal.set(*reinterpret_cast<std::uint64_t*>(files.second.data() + 2 * kPage), 9);
                files.journal.set(files.two().wide, 9);
                return 0;
              }).status(),
              0);
  check_equal(files.second.size(), kPage);
  files.journal.roll_back();
  check_equal(files.two().wide, 1U);
  check_equal(file_text(files.second_path).substr(2 * kPage, 8), "oooooooo");
}

TEST("notes of what has gone from the end of a file are passed over") {
  Files files;
  files.second.grow(3 * kPage);
  files.journal.set(files.two().wide, 9);
  files.journal.set(*reinterpret_cast<std::uint64_t*>(files.second.data() + 2 * kPage), 9);
  files.second.shrink(kPage);
  files.journal.roll_back();
  check(files.journal.empty());
  check_equal(files.two().wide, 1U);
  check_equal(file_text(files.second_path).size(), kPage);
}

TEST("no flipped bit of the count brings old notes to life") {
  Files files;
  change(files);
  files.journal.commit();
  const std::string before = files.text();
  for (unsigned bit = 0; bit < 64; ++bit) {
    files.count() = std::uint64_t{1} << bit;
    check(!files.journal.is_sound());
    files.journal.roll_back();
    check(files.journal.empty());
    check(files.text() == before);
  }
}

TEST("notes that no process of ours has written do no harm") {
  Files files;
  const std::string before = files.text();
  files.note(0) = {std::uint64_t{9} << 56 | std::uint64_t{8} << 48, 1};         // a file that is none
  files.note(1) = {std::uint64_t{1} << 56 | std::uint64_t{8} << 48, 1};         // one that is not used
  files.note(2) = {std::uint64_t{2} << 56 | std::uint64_t{200} << 48, 1};       // more than a word
  files.note(3) = {std::uint64_t{2} << 56 | std::uint64_t{8} << 48 | 4090, 1};  // half beyond the end
  files.count() = 4 * 0x1'0000'0001;
  files.journal.roll_back();
  check(files.text() == before);
  files.count() = ~std::uint64_t{0};
  for (std::size_t i = 0; i < kMost; ++i) files.note(i) = {~std::uint64_t{0}, 1};
  files.journal.roll_back();
  check(files.journal.empty());
  check(files.text() == before);
}
