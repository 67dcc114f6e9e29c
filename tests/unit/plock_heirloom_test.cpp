#include <fcntl.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "child.hpp"
#include "heirloom.hpp"
#include "ipc/fd.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

using ipc::FileLock;
using Mode = ipc::FileLock::Mode;

bool same(const Heirloom& one, const Heirloom& other) {
  return one.fd == other.fd && one.file == other.file && one.mode == other.mode && one.since == other.since;
}

ipc::FileId id_of(int fd) {
  const auto id = ipc::file_id(fd);
  require(id.has_value());
  return *id;
}

/// A file with a lock on it, and the entry that a holder leaves.
struct Held {
  Scratch scratch;
  std::string path = scratch.file("lock");
  ipc::Fd file = ipc::open_file(path, O_RDWR);
  std::optional<FileLock> lock;

  explicit Held(Mode mode) : lock(FileLock::try_lock(file.get(), mode)) { require(lock.has_value()); }
  [[nodiscard]] ipc::FileId id() const { return id_of(file.get()); }
  [[nodiscard]] std::string entry(Mode mode) const { return to_text({file.get(), id(), mode, 1000}); }
  [[nodiscard]] std::string entry() const { return entry(Mode::exclusive); }
};

}  // namespace

TEST("an entry is written as FD:DEV:INO:MODE:SINCE, file in hexadecimal") {
  check_equal(to_text({20, {0xfe00, 0xabc}, Mode::exclusive, 1763748000}), "20:fe00:abc:X:1763748000");
  check_equal(to_text({3, {1, 2}, Mode::shared, 0}), "3:1:2:S:0");
}

TEST("what is written is read back, to the limits of the numbers") {
  for (const Mode mode : {Mode::exclusive, Mode::shared}) {
    for (const Heirloom& heirloom :
         {Heirloom{0, {0, 0}, mode, 0}, Heirloom{20, {0xfe00, 11008616}, mode, 1763748000},
          Heirloom{std::numeric_limits<int>::max(),
                   {std::numeric_limits<dev_t>::max(), std::numeric_limits<ino_t>::max()},
                   mode,
                   std::numeric_limits<std::int64_t>::max()},
          Heirloom{20, {1, 1}, mode, std::numeric_limits<std::int64_t>::min()}}) {
      const auto read = parse_heirlooms(to_text(heirloom));
      require(read.size() == 1, to_text(heirloom));
      check(same(read[0], heirloom), to_text(heirloom));
    }
  }
}

TEST("several are read in their order, and blanks between them do not matter") {
  const auto read = parse_heirlooms("20:1:2:X:5 21:1:3:S:6  22:1:4:X:7 ");
  require(read.size() == 3);
  check_equal(read[0].fd, 20);
  check_equal(read[1].fd, 21);
  check_equal(read[1].mode, Mode::shared);
  check_equal(read[2].since, 7);
  check(parse_heirlooms("").empty());
  check(parse_heirlooms("   ").empty());
}

TEST("what cannot be read is left out, and what is around it stays") {
  for (const char* bad : {"x",
                          ":",
                          "::::",
                          "20",
                          "20:",
                          "20:1",
                          "20:1:2",
                          "20:1:2:X",
                          "20:1:2:X:",
                          "20:1:2:Y:5",
                          "20:1:2::5",
                          "20:1:2:X:5x",
                          "20:1:2:X:5:",
                          "20:1:2:X:5:6",
                          "-1:1:2:X:5",
                          "20:g:2:X:5",
                          "20:1:-2:X:5",
                          "20:1:2:XX:5",
                          "20:1:2:x:5",
                          "99999999999:1:2:X:5",
                          "20:11111111111111111:2:X:5",
                          "20:1:2:X:9223372036854775808",
                          "+20:1:2:X:5",
                          "0x20:1:2:X:5",
                          "20\t:1:2:X:5",
                          "/path:1:2:X:5",
                          "20:1:2:X:5\n"}) {
    check(parse_heirlooms(bad).empty(), bad);
    const auto around = parse_heirlooms("20:1:2:X:5 " + std::string(bad) + " 21:1:2:X:5");
    require(around.size() == 2, bad);
    check_equal(around[0].fd, 20, bad);
    check_equal(around[1].fd, 21, bad);
  }
}

TEST("an inherited lock is believed when the descriptor is that file's and the kernel shows the lock") {
  for (const Mode mode : {Mode::exclusive, Mode::shared}) {
    const Held held(mode);
    const Variable variable(kHeirlooms, held.entry());
    const auto inherited = inherited_lock(held.id());
    require(inherited.has_value());
    check_equal(*inherited, mode, "as the kernel says, not as the entry does");
    const auto ending = in_child([&] { return inherited_lock(held.id()) == mode ? 0 : 1; });
    check_equal(ending.status(), 0, "in a descendant");
  }
}

TEST("without an entry it is not looked for, though the lock is there") {
  const Held held(Mode::exclusive);
  {
    const Variable none(kHeirlooms, nullptr);
    check(!inherited_lock(held.id()).has_value());
  }
  for (const char* text : {"", " ", "nonsense", "20:1:2:X:5"}) {
    const Variable variable(kHeirlooms, text);
    check(!inherited_lock(held.id()).has_value(), text);
  }
}

TEST("a stale entry is not believed: the lock is gone, the descriptor is closed, or another file's") {
  Held held(Mode::exclusive);
  const Variable variable(kHeirlooms, held.entry());
  held.lock.reset();
  check(!inherited_lock(held.id()).has_value(), "unlocked");
  held.lock = FileLock::try_lock(held.file.get(), Mode::exclusive);
  check(inherited_lock(held.id()).has_value());
  const auto closed = in_child([&] {
    const auto id = held.id();
    ::close(held.file.get());
    return inherited_lock(id) ? 1 : 0;
  });
  check_equal(closed.status(), 0);
  const auto another = in_child([&] {
    const auto id = held.id();
    const Held other(Mode::exclusive);
    ::dup2(other.file.get(), held.file.get());
    return inherited_lock(id) ? 1 : 0;
  });
  check_equal(another.status(), 0, "whatever lock that one has");
}

TEST("a forged entry is not believed: another description of the file, which somebody else has locked") {
  const Held held(Mode::exclusive);
  const ipc::Fd other = ipc::open_file(held.path, O_RDWR);
  const Variable variable(kHeirlooms, to_text({other.get(), held.id(), Mode::exclusive, 1000}));
  check(!inherited_lock(held.id()).has_value());
  check(!FileLock::try_lock(other.get(), Mode::shared).has_value(), "and asking has taken nothing");
}

TEST("an entry for another file says nothing about this one") {
  const Held held(Mode::exclusive);
  const Held other(Mode::exclusive);
  const Variable variable(kHeirlooms, held.entry());
  check(!inherited_lock(other.id()).has_value());
  const Variable forged(kHeirlooms, to_text({held.file.get(), other.id(), Mode::exclusive, 1000}));
  check(!inherited_lock(other.id()).has_value(), "nor when it claims to be");
}

TEST("one good entry among others is enough") {
  const Held held(Mode::shared);
  const Held other(Mode::exclusive);
  const Variable variable(kHeirlooms, "9999:" + held.entry().substr(held.entry().find(':') + 1) + " junk " +
                                          other.entry() + ' ' + held.entry());
  const auto inherited = inherited_lock(held.id());
  require(inherited.has_value());
  check_equal(*inherited, Mode::shared);
}

TEST("an entry is open where its descriptor is, on its file") {
  const Held held(Mode::exclusive);
  const auto entry = parse_heirlooms(held.entry()).at(0);
  check(is_open(entry));
  check(!is_open({9999, entry.file, entry.mode, entry.since}));
  check(!is_open({-1, entry.file, entry.mode, entry.since}));
  check(!is_open({0, entry.file, entry.mode, entry.since}));
}
