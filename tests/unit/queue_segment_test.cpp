#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "child.hpp"
#include "ipc/error.hpp"
#include "queue/segment.hpp"
#include "queue_segment_file.hpp"
#include "queue_tables.hpp"
#include "tap.hpp"

namespace {

using queue::kBitGrain;
using queue::kDataBegin;
using queue::kSegmentHeader;
using queue::kSegmentSize;
using queue::SegmentEntry;
using queue::SettledBits;
using queue::Standing;

int file_of(const QueueTables& tables, queue::Number number = 1) {
  const int fd = tables.store().segment_descriptor(tables.store().segment(number));
  require(fd >= 0, "the segment is there");
  return fd;
}

std::uint64_t size_of(int fd) {
  struct stat status {};
  require(::fstat(fd, &status) == 0);
  return static_cast<std::uint64_t>(status.st_size);
}

std::string bytes_of(int fd, std::uint64_t from, std::uint64_t to) {
  std::string bytes(to - from, '\0');
  bytes.resize(queue::read_at(fd, bytes, from));
  return bytes;
}

/// What a process that opens it finds; nothing when it will not have it.
std::optional<Standing> standing(const QueueTables& tables, const SegmentEntry& entry) {
  queue::SegmentCache cache;
  std::optional<Standing> found;
  for (const Standing least : {Standing::headless, Standing::proven, Standing::whole})
    if (cache.descriptor(tables.store().directory(), entry, least) >= 0) found = least;
  return found;
}

}  // namespace

TEST("the bits of any stretch are set, and no others") {
  QueueTables tables;
  tables.enqueue(1);
  const int fd = file_of(tables);
  const std::string none(kDataBegin - kSegmentHeader, '\0');
  std::mt19937 engine(1);
  const auto random = [&engine](unsigned below) { return static_cast<std::uint32_t>(engine() % below); };
  for (int i = 0; i < 300; ++i) {
    // Around the borders of bytes, and long ones.
    const std::uint32_t begin = kDataBegin + random(64) * kBitGrain + random(4) * 8;
    const std::uint32_t end = begin + kBitGrain + random(i % 2 == 0 ? 20 : 2000) * 8;
    queue::mark_settled(tables.store(), {1, begin, end, 0});
    const SettledBits bits(fd);
    for (std::uint32_t offset = kDataBegin; offset < end + 1000; offset += kBitGrain) {
      const std::uint32_t bit = offset / kBitGrain;
      if (bits.has(offset) != (bit >= begin / kBitGrain && bit < end / kBitGrain)) {
        check(false, std::to_string(begin) + " to " + std::to_string(end) + ": " + std::to_string(offset));
      }
    }
    check_equal(bytes_of(fd, kDataBegin, kDataBegin + 32).size(), 32U);
    queue::write_at(fd, none, kSegmentHeader);
  }
}

TEST("bits that are set stay set, and setting them again changes nothing") {
  QueueTables tables;
  tables.enqueue(1);
  const int fd = file_of(tables);
  queue::mark_settled(tables.store(), {1, kDataBegin, kDataBegin + 320, 0});
  queue::mark_settled(tables.store(), {1, kDataBegin + 320, kDataBegin + 384, 0});
  const std::string before = bytes_of(fd, kSegmentHeader, kDataBegin);
  queue::mark_settled(tables.store(), {1, kDataBegin + 64, kDataBegin + 128, 0});
  check(bytes_of(fd, kSegmentHeader, kDataBegin) == before);
}

TEST("the bits of each record of a queue are its own") {
  QueueTables tables;
  const queue::Number number = tables.enqueue(200);
  std::vector<std::uint32_t> offsets;
  const auto& run = tables.run(number);
  queue::Walker walker;
  walker.start(file_of(tables), tables.store().segment(1).salt, run.begin, run.end, 65536);
  while (const auto found = walker.next()) offsets.push_back(found->offset);
  offsets.push_back(run.end);
  for (std::size_t i = 0; i + 1 < offsets.size(); i += 2) {
    queue::mark_settled(tables.store(), {1, offsets[i], offsets[i + 1], 0});
  }
  const SettledBits bits(file_of(tables));
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) check_equal(bits.has(offsets[i]), i % 2 == 0);
}

TEST("the last bit of a segment lies before its data") {
  QueueTables tables;
  tables.enqueue(1);
  const int fd = file_of(tables);
  const std::string data = bytes_of(fd, kDataBegin, kDataBegin + 4096);
  queue::mark_settled(tables.store(), {1, kSegmentSize - 64, kSegmentSize, 0});
  check(SettledBits(fd).has(kSegmentSize - 64));
  check(SettledBits(fd).has(kSegmentSize - 32));
  check(bytes_of(fd, kDataBegin, kDataBegin + 4096) == data);
}

TEST("marking what is gone does nothing") {
  QueueTables tables;
  tables.enqueue(1);
  tables.store().segment(1).number = 0;
  queue::mark_settled(tables.store(), {1, kDataBegin, kDataBegin + 320, 0});
  tables.store().segment(1).number = 77;
  queue::mark_settled(tables.store(), {1, kDataBegin, kDataBegin + 320, 0});
  check(true);
}

TEST("a segment has blocks for what it needs, and grows in larger steps") {
  QueueTables tables;
  tables.enqueue(1);
  SegmentEntry& entry = tables.store().segment(1);
  const int fd = file_of(tables);
  check_equal(size_of(fd), entry.room);
  struct stat status {};
  require(::fstat(fd, &status) == 0);
  check(static_cast<std::uint64_t>(status.st_blocks) * 512 >= entry.room, "no holes");
  check_equal(entry.room, tables.header().room);
  const std::uint32_t before = entry.room;
  queue::make_room(tables.store(), entry, fd, before);
  check_equal(entry.room, before, "there is enough");
  queue::make_room(tables.store(), entry, fd, before + 1);
  tables.commit();
  check(entry.room >= before + (1U << 20));
  check_equal(size_of(fd), entry.room);
  queue::make_room(tables.store(), entry, fd, kSegmentSize);
  tables.commit();
  check_equal(entry.room, kSegmentSize);
  check_equal(tables.header().room, kSegmentSize);
}

TEST("when the disk has no room the file is as long as before, and nothing is lost") {
  QueueTables tables;
  tables.enqueue(3);
  const std::uint32_t room = tables.store().segment(1).room;
  check_equal(in_child([&] {
                ::signal(SIGXFSZ, SIG_IGN);
                const rlimit little{room + 8192, room + 8192};
                ::setrlimit(RLIMIT_FSIZE, &little);
                SegmentEntry& entry = tables.store().segment(1);
                try {
                  queue::make_room(tables.store(), entry, file_of(tables), room + 100000);
                } catch (const ipc::Error& error) {
                  return error.errnum() == EFBIG && size_of(file_of(tables)) == room ? 0 : 1;
                }
                return 2;
              }).status(),
              0);
  tables.store().journal().roll_back();
  check_equal(tables.store().segment(1).room, room);
  tables.check_sound();
  tables.enqueue(3);
  tables.check_sound();
}

TEST("what was appended and not made part of the queue is wiped, and nothing else") {
  QueueTables tables;
  tables.enqueue(2);
  const std::uint32_t used = tables.store().segment(1).used;
  const int fd = file_of(tables);
  const std::string before = bytes_of(fd, 0, tables.store().segment(1).room);
  (void)tables.append(5);
  check(bytes_of(fd, 0, tables.store().segment(1).room) != before);
  tables.store().journal().roll_back();
  check_equal(tables.store().segment(1).used, used);
  queue::wipe_unfinished(tables.store());
  check(bytes_of(fd, 0, tables.store().segment(1).room) == before);
}

TEST("a file that is another segment's, or none, is not opened") {
  QueueTables tables;
  tables.enqueue(1);
  SegmentEntry entry = tables.store().segment(1);
  const std::string path = tables.place().path();
  const auto open = [&] { return standing(tables, entry); };
  check(open() == Standing::whole);
  for (const std::uint64_t bit : {1U, 2U}) {
    entry.salt ^= bit;
    check(!open().has_value(), "another salt");
    entry.salt ^= bit;
  }
  std::filesystem::copy_file(path + "/seg-1", path + "/seg-9");
  for (const unsigned number : {9U, 99U}) {
    entry.number = number;
    check(!open().has_value(), "another number, and none");
  }
  entry.number = 5;
  std::filesystem::create_directory(path + "/seg-5");
  check(!open().has_value(), "a directory");
  std::filesystem::remove(path + "/seg-5");
  std::filesystem::create_symlink("seg-1", path + "/seg-5");
  check(check_throws<ipc::BadValue>([&] { (void)open(); }) == "seg-5 is a link");
  std::filesystem::remove(path + "/seg-5");
  require(::mkfifo((path + "/seg-5").c_str(), 0600) == 0);
  check(!open().has_value(), "a pipe");
}

TEST(
    "with each copy of the head that is damaged, less may be done with the file; it can be read in any "
    "case") {
  QueueTables tables;
  tables.enqueue(3);
  const SegmentEntry entry = tables.store().segment(1);
  const SegmentFile file(tables.place().path(), 1);
  file.damage(queue::kSecondHead + 9);
  check(standing(tables, entry) == Standing::whole, "the usual way is short");
  file.damage(queue::kFirstHead + 9);
  check(standing(tables, entry) == Standing::proven, "by its first record");
  file.damage(queue::kSecondHead + 9);
  check(standing(tables, entry) == Standing::proven, "by the second copy");
  file.damage(queue::kSecondHead + 9);
  file.damage(kDataBegin + 9);
  check(standing(tables, entry) == Standing::headless);
}

TEST("what nothing shows to be the segment is not written to") {
  QueueTables tables;
  tables.enqueue(3);
  const std::string path = tables.place().path() + "/seg-1";
  const std::string other(std::size_t{1} << 20, 'x');
  std::ofstream(path, std::ios::binary) << other;
  const auto store = queue::Store::open(tables.place().path());
  queue::mark_settled(*store, {1, kDataBegin, kDataBegin + 64, 0});
  store->header().writing = {1, kDataBegin, kDataBegin + 400, 0};
  store->segment(1).used = kDataBegin + 8;
  queue::wipe_unfinished(*store);
  store->header().writing = {};
  check(file_text(path) == other);
}

TEST("any flipped bit in either copy of a segment's head is found") {
  QueueTables tables;
  tables.enqueue(1);
  const int fd = file_of(tables);
  queue::SegmentHead head{};
  for (const std::uint32_t at : {queue::kFirstHead, queue::kSecondHead}) {
    require(queue::read_head(fd, at, head));
    check_equal(head.number, 1U);
    check_equal(head.salt, tables.store().segment(1).salt);
    const std::string good = bytes_of(fd, at, at + offsetof(queue::SegmentHead, unused));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
      queue::write_at(fd, bad, at);
      check(!queue::read_head(fd, at, head), "bit " + std::to_string(bit));
    }
    queue::write_at(fd, good, at);
    check(queue::read_head(fd, at, head));
  }
  check(::ftruncate(fd, 20) == 0);
  check(!queue::read_head(fd, queue::kFirstHead, head), "too short");
}

TEST("the salt of a segment without a head is found where a record confirms it, and only there") {
  for (const unsigned count : {1U, 2U, 50U}) {
    QueueTables tables;
    tables.enqueue(count);
    const SegmentFile file(tables.place().path(), 1);
    const auto salt = queue::find_salt(file.descriptor(), file.size());
    require(salt.has_value());
    queue::Walker walker;
    walker.start(file.descriptor(), *salt, kDataBegin, tables.store().segment(1).used, 65536);
    unsigned found = 0;
    while (const auto one = walker.next()) found += one->is_sound() ? 1 : 0;
    check_equal(found, count, "one as good as its own");
    check_equal(walker.damaged(), 0U);
    // A record that is damaged, too, tells nothing, but where its body is all that there is.
    for (const unsigned at : {0U, 9U, 16U, 24U, 28U, 32U}) {
      file.damage(kDataBegin + at);
      const bool is_confirmed = queue::find_salt(file.descriptor(), file.size()).has_value();
      check_equal(is_confirmed, count == 1 ? at < 20 : at == 32, std::to_string(at));
      file.damage(kDataBegin + at);
    }
  }
  const Scratch scratch;
  for (const char byte : {'\0', 'x', '\xFF'}) {
    const ipc::Fd file = ipc::open_file(scratch.file("other", std::string(kDataBegin + 5000, byte)), O_RDWR);
    check(!queue::find_salt(file.get(), kDataBegin + 5000).has_value());
  }
}

TEST("the cache keeps a few files, forgets what it must, and opens others again") {
  QueueTables tables;
  for (unsigned i = 1; i <= 7; ++i) {
    tables.enqueue(1);
    tables.store().segment(i).is_broken = true;
  }
  queue::SegmentCache cache;
  for (int round = 0; round < 3; ++round) {
    for (queue::Number number = 1; number <= 7; ++number) {
      const SegmentEntry& entry = tables.store().segment(number);
      const int fd = cache.descriptor(tables.store().directory(), entry, Standing::whole);
      queue::SegmentHead head{};
      require(fd >= 0 && queue::read_head(fd, queue::kFirstHead, head));
      check_equal(head.salt, entry.salt);
      check_equal(cache.descriptor(tables.store().directory(), entry, Standing::whole), fd, "open already");
    }
  }
  require(::unlink((tables.place().path() + "/seg-7").c_str()) == 0);
  check(cache.descriptor(tables.store().directory(), tables.store().segment(7), Standing::whole) >= 0);
  cache.forget(7);
  check_equal(cache.descriptor(tables.store().directory(), tables.store().segment(7), Standing::whole), -1);
}
