#include "ipc/roster.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <optional>
#include <utility>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/fd.hpp"
#include "ipc/processes.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Roster;
using State = ipc::Roster::State;

constexpr std::size_t kBegin = 64;
constexpr std::size_t kBlock = 4096;

/// A place as it lies in the file.
struct Image {
  std::uint64_t owner = 0;
  std::uint64_t start = 0;
  std::int64_t since = 0;
  std::uint64_t boot = 0;
};
constexpr std::size_t kFirstBlock = (kBlock - kBegin) / sizeof(Image);
static_assert(kFirstBlock == 126);

std::uint64_t owner_word(pid_t pid, State state) {
  return static_cast<std::uint64_t>(state) << 32 | static_cast<std::uint32_t>(pid);
}

std::uint64_t start_of(pid_t pid) {
  const auto facts = ipc::facts_of(pid);
  require(facts.has_value());
  return facts->start;
}

/// A file with a header that no roster may touch.
struct RosterFile {
  Scratch scratch;
  std::string header = std::string(kBegin, 'h');
  std::string path = scratch.file("object", header);
  ipc::Fd file = ipc::open_file(path, O_RDWR);

  [[nodiscard]] int fd() const { return file.get(); }
  [[nodiscard]] std::vector<Roster::Entry> entries() const { return Roster::entries(fd(), kBegin); }
  [[nodiscard]] std::size_t size() const { return file_text(path).size(); }
  [[nodiscard]] Image place(std::size_t index) const {
    Image image;
    (void)!::pread(fd(), &image, sizeof image, static_cast<off_t>(kBegin + index * sizeof image));
    return image;
  }
  void put(std::size_t index, const Image& image) const {
    const auto at = static_cast<off_t>(kBegin + index * sizeof image);
    require(::pwrite(fd(), &image, sizeof image, at) == static_cast<ssize_t>(sizeof image));
  }
  /// The boot that entries of now bear.
  [[nodiscard]] std::uint64_t boot() const {
    { const Roster roster(fd(), kBegin); }
    return place(0).boot;
  }
  /// An entry of this very process.
  [[nodiscard]] Image own_image(State state = State::holds) const {
    return {owner_word(::getpid(), state), start_of(::getpid()), 1, boot()};
  }
  /// The number of the place of process `pid`.
  [[nodiscard]] std::optional<std::size_t> place_of(pid_t pid) const {
    for (std::size_t i = 0; kBegin + (i + 1) * sizeof(Image) <= size(); ++i) {
      if ((place(i).owner & 0xFFFFFFFF) == static_cast<std::uint64_t>(pid)) return i;
    }
    return std::nullopt;
  }
};

/// Enters itself and stays until it is killed.
Child user_of(const RosterFile& file, State state = State::waits) {
  Latch entered;
  Child child([&] {
    Roster roster(file.fd(), kBegin);
    if (state != State::waits) roster.now(state);
    entered.open();
    for (;;) ::pause();
    return 0;
  });
  require(entered.wait());
  return child;
}

void kill(Child& child) {
  ::kill(child.pid(), SIGKILL);
  check_equal(child.wait().signal, SIGKILL);
}

}  // namespace

TEST("a file without places has nobody, and asking leaves it as it is") {
  const RosterFile file;
  check(file.entries().empty());
  check_equal(file_text(file.path), file.header);
  const Scratch scratch;
  const ipc::Fd empty = ipc::open_file(scratch.file("empty"), O_RDONLY);
  check(Roster::entries(empty.get(), kBegin).empty());
}

TEST("who enters waits first, then holds, and is gone at the end") {
  const RosterFile file;
  const std::int64_t before = std::time(nullptr);
  {
    Roster roster(file.fd(), kBegin);
    auto entries = file.entries();
    require(entries.size() == 1);
    check_equal(entries[0].pid, ::getpid());
    check_equal(entries[0].state, State::waits);
    check(entries[0].since >= before && entries[0].since <= std::time(nullptr));
    roster.now(State::holds);
    entries = file.entries();
    require(entries.size() == 1);
    check_equal(entries[0].state, State::holds);
    roster.now(State::waits);
    check_equal(file.entries().at(0).state, State::waits, "and back");
  }
  check(file.entries().empty());
  check_equal(file_text(file.path).substr(0, kBegin), file.header, "the header is as before");
}

TEST("a change of state is dated anew") {
  const RosterFile file;
  Roster roster(file.fd(), kBegin);
  Image image = file.place(0);
  image.since = 1000;
  file.put(0, image);
  check_equal(file.entries().at(0).since, 1000);
  const std::int64_t before = std::time(nullptr);
  roster.now(State::holds);
  check(file.entries().at(0).since >= before);
}

TEST("the entry of a dead process does not count, and its place is used again") {
  const RosterFile file;
  Child first = user_of(file, State::holds);
  Child second = user_of(file);
  check_equal(file.entries().size(), 2U);
  const auto place = file.place_of(first.pid());
  require(place.has_value());
  kill(first);
  const auto entries = file.entries();
  require(entries.size() == 1);
  check_equal(entries[0].pid, second.pid());
  check(file.place(*place).owner != 0, "nobody has cleared it");
  const Child third = user_of(file);
  check(file.place_of(third.pid()) == place);
  check_equal(file.entries().size(), 2U);
}

TEST("nor does a zombie's") {
  const RosterFile file;
  const Child child([&] {
    const auto* roster = new Roster(file.fd(), kBegin);
    return roster != nullptr ? 0 : 1;  // never left
  });
  check(eventually([&] {
    const auto facts = ipc::facts_of(child.pid());
    return facts && facts->ended;
  }));
  check(file.place_of(child.pid()).has_value());
  check(file.entries().empty());
}

TEST("a number that another process has got meanwhile does not count, and keeps its place") {
  const RosterFile file;
  Image image = file.own_image();
  const std::uint64_t start = image.start;
  image.start = start - 1;
  file.put(0, image);
  image.start = 0;
  file.put(1, image);
  check(file.entries().empty());
  const Roster roster(file.fd(), kBegin);
  check_equal(file.entries().size(), 1U);
  check(file.place(2).owner != 0, "the next free one");
}

TEST("an entry of another boot does not count, whoever has its number and its start now") {
  const RosterFile file;
  Image image = file.own_image();
  check(image.boot != 0);
  file.put(0, image);
  check_equal(file.entries().size(), 1U);
  ++image.boot;
  file.put(0, image);
  check(file.entries().empty());
}

TEST("places with what is no pid are free") {
  const RosterFile file;
  file.put(0, {owner_word(0, State::holds), 1, 1, 0});
  file.put(1, {owner_word(-5, State::holds), 1, 1, 0});
  file.put(2, {owner_word(0x7FFFFFF0, State::waits), 1, 1, 0});
  check(file.entries().empty());
  const Roster one(file.fd(), kBegin);
  const Roster two(file.fd(), kBegin);
  const Roster three(file.fd(), kBegin);
  check_equal(file.entries().size(), 3U);
  check_equal(file.place(3).owner, 0U);
}

TEST("one process may enter twice, and leaves each by itself") {
  const RosterFile file;
  Roster one(file.fd(), kBegin);
  {
    Roster two(file.fd(), kBegin);
    two.now(State::holds);
    const auto entries = file.entries();
    require(entries.size() == 2);
    check_equal(entries[0].state, State::waits);
    check_equal(entries[1].state, State::holds);
  }
  require(file.entries().size() == 1);
  check_equal(file.entries()[0].state, State::waits);
}

TEST("an entry stays over an exec, and is not a child's") {
  const RosterFile file;
  Latch executed;
  Child child([&] {
    auto* roster = new Roster(file.fd(), kBegin);
    roster->now(State::holds);
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    return 1;
  });
  check(!executed.wait());
  require(file.entries().size() == 1);
  check_equal(file.entries()[0].pid, child.pid());
  check_equal(file.entries()[0].state, State::holds);
  kill(child);
  check(file.entries().empty());
}

TEST("the file grows when all places are taken, by blocks, and the first free place is used") {
  const RosterFile file;
  { const Roster roster(file.fd(), kBegin); }
  check_equal(file.size(), kBlock);
  const Image image = file.own_image();
  for (std::size_t i = 0; i < kFirstBlock; ++i) file.put(i, image);
  check_equal(file.size(), kBlock);
  {
    Roster roster(file.fd(), kBegin);
    check_equal(file.size(), 2 * kBlock);
    check_equal(file.entries().size(), kFirstBlock + 1);
    roster.now(State::holds);
    check_equal(file.place(kFirstBlock).owner, owner_word(::getpid(), State::holds));
  }
  check_equal(file.entries().size(), kFirstBlock);
  file.put(7, {});
  const Roster roster(file.fd(), kBegin);
  check(file.place(7).owner != 0);
  check_equal(file.size(), 2 * kBlock, "it never shrinks");
}

TEST("who entered before the file grew changes and leaves as well") {
  const RosterFile file;
  {
    const Image image = file.own_image();
    Roster early(file.fd(), kBegin);
    for (std::size_t i = 1; i < kFirstBlock; ++i) file.put(i, image);
    const Roster late(file.fd(), kBegin);
    early.now(State::holds);
    check_equal(file.place(0).owner, owner_word(::getpid(), State::holds));
  }
  check_equal(file.place(0).owner, 0U);
  check_equal(file.entries().size(), kFirstBlock - 1);
}

TEST("a place that is cut off at the end of the file is none") {
  const RosterFile file;
  file.put(0, file.own_image());
  require(::ftruncate(file.fd(), static_cast<off_t>(kBegin + sizeof(Image) - 1)) == 0);
  check(file.entries().empty());
  file.put(0, {});
  require(::ftruncate(file.fd(), kBlock + 100) == 0);
  const Roster roster(file.fd(), kBegin);
  check_equal(file.entries().size(), 1U);
}

TEST("many that enter at the same time have each a place of their own") {
  const RosterFile file;
  constexpr std::size_t kMany = 140;  // more than the first block has
  Latch start;
  Latch entered;
  std::vector<Child> users;
  for (std::size_t i = 0; i < kMany; ++i) {
    users.emplace_back([&] {
      if (!start.wait()) return 1;
      Roster roster(file.fd(), kBegin);
      roster.now(State::holds);
      entered.open();
      for (;;) ::pause();
      return 0;
    });
  }
  for (std::size_t i = 0; i < kMany; ++i) start.open();
  for (std::size_t i = 0; i < kMany; ++i) require(entered.wait());
  std::vector<pid_t> expected;
  for (const Child& user : users) expected.push_back(user.pid());
  std::vector<pid_t> found;
  for (const auto& entry : file.entries()) {
    found.push_back(entry.pid);
    check_equal(entry.state, State::holds);
  }
  std::ranges::sort(expected);
  std::ranges::sort(found);
  check(found == expected);
  users.clear();
  check(file.entries().empty());
}

TEST("of two that want the place of a dead one at the same moment, one gets it") {
  const RosterFile file;
  const std::uint64_t boot = file.boot();
  // Where the two meet, again and again.
  void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  require(memory != MAP_FAILED);
  auto* arrivals = static_cast<std::atomic<unsigned>*>(memory);
  const auto run = [&](bool first) {
    unsigned met = 0;
    const auto meet = [&] {
      arrivals->fetch_add(1);
      for (met += 2; arrivals->load() < met;) ::sched_yield();
    };
    for (int round = 0; round < 1500; ++round) {
      for (std::size_t i = 0; first && i < 4; ++i)
        file.put(i, {owner_word(0x7FFFFFF0, State::holds), 1, 1, boot});
      meet();
      std::optional<Roster> roster(std::in_place, file.fd(), kBegin);
      meet();
      const std::size_t count = file.entries().size();
      meet();
      if (count != 2) return 1;
      roster.reset();
      meet();
    }
    return 0;
  };
  Child one([&] { return run(true); });
  Child two([&] { return run(false); });
  check_equal(one.wait().status(), 0);
  check_equal(two.wait().status(), 0);
  ::munmap(memory, 4096);
}

TEST("coming and going at the same time loses nobody") {
  const RosterFile file;
  std::vector<Child> users;
  for (int i = 0; i < 8; ++i) {
    users.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        Roster roster(file.fd(), kBegin);
        roster.now(State::holds);
        const auto entries = file.entries();
        const auto own = std::ranges::count(entries, ::getpid(), &Roster::Entry::pid);
        if (own != 1) return 1;
        if (entries.size() > 8) return 2;
      }
      return 0;
    });
  }
  for (auto& user : users) check_equal(user.wait().status(), 0);
  check(file.entries().empty());
  check_equal(file.size(), kBlock);
}

TEST("a file that cannot be written to, or has no room, is an Error and no death") {
  const RosterFile file;
  const ipc::Fd read_only = ipc::open_file(file.path, O_RDONLY);
  check_throws<ipc::Error>([&] { const Roster roster(read_only.get(), kBegin); });
  check_throws<ipc::Error>([&] { const Roster roster(9999, kBegin); });
  check_throws<ipc::Error>([&] { (void)Roster::entries(9999, kBegin); });
  const auto ending = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit little{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &little);
    try {
      const Roster roster(file.fd(), kBegin);
    } catch (const ipc::Error& error) {
      return error.errnum() == EFBIG ? 0 : 1;
    }
    return 2;
  });
  check_equal(ending.status(), 0);
  check_equal(file_text(file.path).substr(0, kBegin), file.header);
}
