#include "ipc/io.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <random>

#include "child.hpp"
#include "descriptors.hpp"
#include "eventually.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Pipe;
using ipc::RecordSplitter;
using Records = std::vector<std::string>;

constexpr std::size_t kSmallestLimit = 64 * 1024;

void give(RecordSplitter& splitter, std::string_view bytes) {
  const auto room = splitter.room();
  require(!room.empty() && bytes.size() <= room.size(), "there is room");
  std::ranges::copy(bytes, room.begin());
  splitter.filled(bytes.size());
}

void take(RecordSplitter& splitter, Records& records) {
  while (const auto record = splitter.next()) {
    check(!record->too_long);
    records.emplace_back(record->bytes);
  }
}

void finish(RecordSplitter& splitter, Records& records) {
  (void)splitter.room();  // the read that finds the end
  if (const auto record = splitter.last()) records.emplace_back(record->bytes);
}

/// All of a stream of `size` bytes that byte_at() makes, in reads that fill the room; returns the largest room.
template <class ByteAt, class OnRecord>
std::size_t stream(RecordSplitter& splitter, std::size_t size, ByteAt byte_at, OnRecord on_record) {
  std::size_t largest = 0;
  for (std::size_t at = 0; at < size;) {
    const auto room = splitter.room();
    largest = std::max(largest, room.size());
    const std::size_t part = std::min(room.size(), size - at);
    for (std::size_t i = 0; i < part; ++i) room[i] = byte_at(at + i);
    splitter.filled(part);
    at += part;
    while (const auto record = splitter.next()) on_record(*record);
  }
  (void)splitter.room();
  if (const auto record = splitter.last()) on_record(*record);
  return largest;
}

void shrink(const ipc::Fd& pipe_end) { ::fcntl(pipe_end.get(), F_SETPIPE_SZ, 4096); }

void on_alarm(int) {}

/// SIGALRM every millisecond, whose handler makes every wait return EINTR, as long as this lives.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = on_alarm;  // without SA_RESTART
    ::sigaction(SIGALRM, &action, &before_);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    ::timer_create(CLOCK_MONOTONIC, &event, &timer_);
    const itimerspec every{{0, 1'000'000}, {0, 1'000'000}};
    ::timer_settime(timer_, 0, &every, nullptr);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;
  ~Interruptions() {
    ::timer_delete(timer_);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
  timer_t timer_{};
};

}  // namespace

TEST("write_all writes all through a pipe that takes little, under a rain of signals") {
  Pipe pipe = Pipe::create();
  shrink(pipe.write_end);
  std::string text;
  for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i) + ' ';
  Child writer([&] {
    pipe.read_end.reset();
    const Interruptions interruptions;
    return ipc::write_all(pipe.write_end.get(), text);
  });
  pipe.write_end.reset();
  std::string got;
  char block[1000];
  const Interruptions interruptions;
  for (ssize_t n = 0; (n = ipc::read_some(pipe.read_end.get(), block)) != 0;) {
    require(n > 0, "EINTR never shows");
    got.append(block, static_cast<std::size_t>(n));
  }
  check(got == text);
  check_equal(writer.wait().status(), 0);
}

TEST("write_all says why it stopped") {
  check_equal(ipc::write_all(9999, "x"), EBADF);
  check_equal(ipc::write_all(9999, ""), 0, "nothing to do");
  const ipc::Fd full = ipc::open_file("/dev/full", O_WRONLY);
  check_equal(ipc::write_all(full.get(), "x"), ENOSPC);
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe = Pipe::create();
  pipe.read_end.reset();
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), EPIPE);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST("read_some tells bytes, the end and errors apart") {
  Pipe pipe = Pipe::create();
  char block[8];
  require(::write(pipe.write_end.get(), "abc", 3) == 3);
  check_equal(ipc::read_some(pipe.read_end.get(), block), 3);
  pipe.write_end.reset();
  check_equal(ipc::read_some(pipe.read_end.get(), block), 0);
  check_equal(ipc::read_some(9999, block), -1);
  check_equal(errno, EBADF);
}

TEST("read_small_file reads files of any size, and nothing from what cannot be read") {
  const Scratch scratch;
  const std::string text(10'000, 'x');
  check(ipc::read_small_file(scratch.file("text", text).c_str()) == text);
  check(ipc::read_small_file(scratch.file("empty").c_str()) == "");
  check(!ipc::read_small_file((scratch / "none").c_str()));
  check(!ipc::read_small_file(scratch.path().c_str()), "a directory");
  const auto status = ipc::read_small_file("/proc/self/status");
  check(status && status->find("Pid:") != std::string::npos, "a file that says it has 0 bytes");
}

TEST("names_in tells what is in a directory, and says when it cannot be opened") {
  const Scratch scratch;
  require(ipc::names_in(scratch.path()).has_value());
  check(ipc::names_in(scratch.path())->empty());
  for (const char* name : {"b", ".a", "...", "a c"}) (void)scratch.file(name);
  auto names = ipc::names_in(scratch.path());
  require(names.has_value());
  std::ranges::sort(*names);
  check(*names == Records{"...", ".a", "a c", "b"});
  check(!ipc::names_in(scratch / "none").has_value());
  check_equal(errno, ENOENT);
  check(!ipc::names_in(scratch / "b").has_value());
  check_equal(errno, ENOTDIR);
}

TEST("every way to cut a text into reads gives the same records") {
  const std::string text = "ab\n\nc\n\n\nde";
  const Records expected{"ab", "", "c", "", "", "de"};
  for (unsigned cuts = 0; cuts < 1U << (text.size() - 1); ++cuts) {
    RecordSplitter splitter('\n', 1000);
    Records records;
    std::size_t from = 0;
    for (std::size_t at = 1; at <= text.size(); ++at) {
      if (at < text.size() && (cuts >> (at - 1) & 1U) == 0) continue;
      give(splitter, std::string_view(text).substr(from, at - from));
      take(splitter, records);
      from = at;
    }
    finish(splitter, records);
    if (!check(records == expected)) return;
  }
}

TEST("a record is there as soon as its delimiter is, and not before") {
  RecordSplitter splitter('\n', 1000);
  give(splitter, "one");
  check(!splitter.next());
  give(splitter, "\ntw");
  check_equal(std::string(splitter.next()->bytes), "one");
  check(!splitter.next());
  check(!splitter.next(), "asking again changes nothing");
  give(splitter, "o\n");
  check_equal(std::string(splitter.next()->bytes), "two");
}

TEST("the last record counts without its delimiter; after one there is none") {
  RecordSplitter splitter('\n', 1000);
  Records records;
  give(splitter, "one\ntwo");
  take(splitter, records);
  finish(splitter, records);
  check(records == Records{"one", "two"});
  give(splitter, "three\n");
  take(splitter, records);
  finish(splitter, records);
  check(records == Records{"one", "two", "three"}, "it starts anew");
  finish(splitter, records);
  check_equal(records.size(), 3U, "an empty stream has no records");
}

TEST("any byte delimits, and the others are nothing special") {
  for (const int byte : {0, 0x0d, 0x2c, 0xff}) {
    const char delimiter = static_cast<char>(byte);
    std::string text;
    for (int c = 0; c < 256; ++c) {
      if (c != byte) text += static_cast<char>(c);
    }
    RecordSplitter splitter(delimiter, 1000);
    Records records;
    give(splitter, text + delimiter + delimiter + text);
    take(splitter, records);
    finish(splitter, records);
    check(records == Records{text, "", text}, std::to_string(byte));
  }
}

TEST("records larger than a buffer are whole up to the limit, and cut behind it") {
  constexpr std::size_t kLimit = 300'000;
  for (const std::size_t size : {kSmallestLimit - 1, kSmallestLimit, kSmallestLimit + 1, kLimit - 1, kLimit,
                                 kLimit + 1, kLimit + 2, 2 * kLimit, 10 * kLimit + 7}) {
    RecordSplitter splitter('\n', kLimit);
    const std::string tail = "\nnext\n" + std::string(size, 'z');  // the second without a delimiter
    std::vector<std::pair<std::size_t, bool>> seen;
    const std::size_t largest = stream(
        splitter, size + tail.size(), [&](std::size_t at) { return at < size ? 'a' : tail[at - size]; },
        [&](const RecordSplitter::Record& record) {
          seen.emplace_back(record.bytes.size(), record.too_long);
          if (seen.size() == 2) check_equal(std::string(record.bytes), "next");
          if (seen.size() != 2) {
            const char expected = seen.size() == 1 ? 'a' : 'z';
            check(std::ranges::all_of(record.bytes, [=](char c) { return c == expected; }));
          }
        });
    const auto name = std::to_string(size);
    require(seen.size() == 3, name);
    for (const std::size_t i : {0U, 2U}) {
      check_equal(seen[i].first, std::min(size, kLimit), name);
      check_equal(seen[i].second, size > kLimit, name);
    }
    check(!seen[1].second, name);
    check(largest <= kLimit + 1, "it never holds more than a record");
  }
}

TEST("a record without end takes no more memory than the limit") {
  constexpr std::size_t kLimit = 1 << 20;
  RecordSplitter splitter('\n', kLimit);
  std::size_t count = 0;
  const std::size_t largest = stream(
      splitter, 64 * kLimit, [](std::size_t) { return 'a'; },
      [&](const RecordSplitter::Record& record) {
        ++count;
        check(record.too_long);
        check_equal(record.bytes.size(), kLimit);
      });
  check_equal(count, 1U);
  check(largest <= kLimit + 1);
}

TEST("random records in random reads come out as they went in") {
  std::mt19937 random(20240229);
  for (int round = 0; round < 20; ++round) {
    Records expected;
    std::string text;
    for (int i = 0; i < 200; ++i) {
      std::string record(random() % (i % 40 == 0 ? 100'000 : 60), 'x');
      for (char& c : record) c = static_cast<char>('a' + random() % 26);
      text += record + '\n';
      expected.push_back(std::move(record));
    }
    if (round % 2 == 0) text.pop_back();
    if (expected.back().empty() && round % 2 == 0) expected.pop_back();
    RecordSplitter splitter('\n', 200'000);
    Records records;
    for (std::size_t at = 0; at < text.size();) {
      const auto room = splitter.room();
      const std::size_t part = std::min({room.size(), text.size() - at, std::size_t{1} + random() % 5000});
      std::copy_n(text.data() + at, part, room.data());
      splitter.filled(part);
      take(splitter, records);
      at += part;
    }
    finish(splitter, records);
    check(records == expected, std::to_string(round));
  }
}
