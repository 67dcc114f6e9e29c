#include "ipc/semaphore_file.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/file_lock.hpp"
#include "ipc/lock_table.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "semaphore_place.hpp"
#include "semaphore_set.hpp"
#include "tap.hpp"

namespace {

using ipc::BadValue;
using ipc::Deadline;
using ipc::Roster;
using ipc::SemaphoreFile;
using Keep = ipc::Semaphore::Keep;
using Outcome = ipc::Semaphore::Outcome;
using Removal = ipc::SemaphoreFile::Removal;

/// What is at the path is refused by all, and left as it is.
void check_refused(const Place& place, tap::Here at = tap::Here::current()) {
  const std::string before = place.text();
  const auto refusal = [&](auto body) {
    check_equal(check_throws<BadValue>(body, {}, at), "not a semaphore", {}, at);
  };
  refusal([&] { (void)place.open(); });
  refusal([&] { (void)place.open(std::nullopt); });
  refusal([&] { (void)place.remove(false); });
  refusal([&] { (void)place.remove(true); });
  refusal([&] { (void)SemaphoreFile::users_at(place.path()); });
  check(place.text() == before, "it was touched", at);
}

/// How many of ten that open it at the same time get one of its permits, for ever.
int served(const Place& place, std::optional<SemaphoreFile::Shape> shape) {
  Latch start;
  std::vector<Child> racers;
  for (int i = 0; i < 10; ++i) {
    racers.emplace_back([&] {
      if (!start.wait()) return 1;
      auto file = place.open(shape);
      return file && file->semaphore().acquire(Keep::forever, Deadline::now()) == Outcome::done ? 0 : 2;
    });
  }
  for (std::size_t i = 0; i < racers.size(); ++i) start.open();
  int count = 0;
  for (auto& racer : racers) count += racer.wait().status() == 0 ? 1 : 0;
  return count;
}

}  // namespace

TEST("it is made when it is missing and a shape is given, for its owner alone") {
  const Place place;
  check(!place.open(std::nullopt).has_value());
  check(!place.is_there());
  ::umask(0);
  const auto made = place.open();
  ::umask(022);
  require(made.has_value());
  check_values(made->semaphore(), 3, 0, 3);
  struct stat status {};
  require(::stat(place.path().c_str(), &status) == 0);
  check_equal(status.st_mode & 07777U, 0600U);
  check(place.has_set());
  check(made->is_at(place.path()));
  check(made->users().empty());
}

TEST("the same one is opened again, whatever shape is given") {
  const Place place;
  auto made = place.open(SemaphoreFile::Shape{2, 5});
  require(made.has_value());
  check(made->semaphore().post() == Outcome::done);
  const std::string before = place.text();
  for (const auto& shape : {std::optional(kThree), std::optional<SemaphoreFile::Shape>()}) {
    const auto again = place.open(shape);
    require(again.has_value());
    check_values(again->semaphore(), 3, 0, 2);
    check_equal(again->semaphore().values()->ceiling, 5);
  }
  check(place.text() == before);
}

TEST("many that make it at the same time get the same one") {
  for (int round = 0; round < 10; ++round) {
    const Place place;
    check_equal(served(place, kThree), 3, "as many as have a permit of one semaphore");
  }
}

TEST("many that make and remove it at the same time leave no set behind") {
  const Place place;
  const auto ending = in_child([&] {
    if (::unshare(CLONE_NEWIPC) != 0) return 98;
    std::vector<Child> racers;
    for (int i = 0; i < 6; ++i) {
      racers.emplace_back([&, i] {
        for (int round = 0; round < 40; ++round) {
          auto file = place.open();
          if (!file) return 1;
          if ((round + i) % 2 == 0) (void)place.remove();
        }
        return 0;
      });
    }
    for (auto& racer : racers) {
      if (racer.wait().status() != 0) return 1;
    }
    if (place.is_there() && place.remove() != Removal::removed) return 2;
    seminfo info{};
    ::semctl(0, 0, SEM_INFO, &info);
    return place.is_there() || info.semusz != 0 ? 3 : 0;
  });
  if (ending.code == 98) skip("no IPC namespace to be had");
  check_equal(ending.status(), 0);
}

TEST("who waited to mend one that has been removed meanwhile makes another") {
  const Place place;
  (void)place.open();
  place.remove_set();
  const key_t key = place.key();
  const ipc::Fd file = ipc::open_file(place.path(), O_RDWR);
  auto lock = ipc::FileLock::try_lock(file.get(), ipc::FileLock::Mode::exclusive);
  Child opener([&] {
    const auto opened = place.open();
    return opened && opened->is_at(place.path()) ? 0 : 1;
  });
  const auto held = ipc::locks_of(::getpid());
  require(held.size() == 1);
  require(eventually([&] { return !ipc::lock_records(held[0].file, {held[0].kernel_id}).waiters.empty(); }));
  ::unlink(place.path().c_str());
  lock.reset();
  check_equal(opener.wait().status(), 0);
  check(place.has_set() && place.key() != key);
  const int left = ::semget(key, 0, 0);
  check_equal(left, -1, "none is made for the removed file");
  if (left >= 0) ::semctl(left, 0, IPC_RMID);
}

TEST("a maker that was killed before it made the set has left its key: that one is made") {
  const Place place;
  (void)place.open();
  const key_t key = place.key();
  place.remove_set();
  const auto mended = place.open(std::nullopt);
  require(mended.has_value());
  check_equal(place.key(), key);
  check(place.has_set());
  check_values(mended->semaphore(), 3, 0, 3);
}

TEST("what is no semaphore is refused and never touched") {
  const Place place;
  (void)place.open();
  const std::string good = place.text();
  place.remove_set();
  for (const auto& text :
       {std::string(), std::string("some text that somebody needs\n"), std::string(4096, '\0')}) {
    place.put(text);
    check_refused(place);
  }
  for (const std::size_t size : {std::size_t{1}, kNumbers - 1, kNumbers, good.size() - 1}) {
    place.put(good.substr(0, size));
    check_refused(place);
  }
  for (const std::size_t at : {0U, 8U, 15U}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    place.put(bad);
    check_refused(place);
  }
  // Numbers that no semaphore has: cookie, limit, ceiling.
  for (const std::size_t number : {1U, 2U, 3U}) {
    for (const std::int32_t value : {-1, 32768, 0x7FFFFFFF, number == 1 ? 0 : -5}) {
      std::string bad = good;
      std::memcpy(bad.data() + kNumbers + number * sizeof value, &value, sizeof value);
      place.put(bad);
      check_refused(place);
    }
  }
  place.put(good);  // so that its set is found and removed
}

TEST("directories, FIFOs and devices are no semaphores, and opening them blocks nobody") {
  const Scratch scratch;
  const std::string fifo = scratch / "fifo";
  require(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const std::string& path : {fifo, scratch.path(), std::string("/dev/null")}) {
    check_equal(check_throws<BadValue>([&] { (void)SemaphoreFile::open(path, kThree); }), "not a semaphore",
                path);
    check_throws<BadValue>([&] { (void)SemaphoreFile::remove(path, true); }, path);
    check_throws<BadValue>([&] { (void)SemaphoreFile::users_at(path); }, path);
  }
}

TEST("a link is not followed") {
  const Place place;
  const Scratch scratch;
  (void)place.open();
  const std::string link = scratch / "link";
  require(::symlink(place.path().c_str(), link.c_str()) == 0);
  check_throws<ipc::Error>([&] { (void)SemaphoreFile::open(link, kThree); });
  check_throws<ipc::Error>([&] { (void)SemaphoreFile::remove(link, true); });
  const std::string dangling = scratch / "dangling";
  require(::symlink((scratch / "target").c_str(), dangling.c_str()) == 0);
  check_throws<ipc::Error>([&] { (void)SemaphoreFile::open(dangling, kThree); });
  check(place.has_set());
}

TEST("nothing else appears beside it") {
  const Place place;
  (void)place.open();
  const auto directory = std::filesystem::path(place.path()).parent_path();
  const std::filesystem::directory_iterator entries(directory);
  check_equal(std::distance(begin(entries), end(entries)), 1);
}

TEST("a directory that is not there is an Error") {
  const Scratch scratch;
  try {
    (void)SemaphoreFile::open(scratch / "none/s", kThree);
    check(false, "it opened");
  } catch (const ipc::Error& error) {
    check_equal(error.errnum(), ENOENT);
  }
}

TEST("it is made anew after its set has vanished, when nobody holds a permit") {
  const Place place;
  auto first = place.open(SemaphoreFile::Shape{2, 4});
  require(first.has_value());
  check(first->semaphore().acquire(Keep::forever, Deadline::now()) == Outcome::done);
  Child waiter = user_of(place, Roster::State::waits);
  Child former = user_of(place, Roster::State::holds);
  kill(former);
  place.remove_set();
  const auto second = place.open(kThree);
  require(second.has_value());
  check_values(second->semaphore(), 2, 0, 2);
  check_equal(second->semaphore().values()->ceiling, 4, "from the file, not from the shape");
  check(!first->semaphore().values().has_value(), "the old handle is of the old set");
}

TEST("many that make it anew at the same time make one") {
  const Place place;
  (void)place.open();
  for (int round = 0; round < 10; ++round) {
    place.remove_set();
    check_equal(served(place, std::nullopt), 3);
  }
}

TEST("it is not made anew while a process on the roster holds a permit") {
  const Place place;
  (void)place.open();
  Child holder = user_of(place, Roster::State::holds);
  place.remove_set();
  for (const auto& shape : {std::optional(kThree), std::optional<SemaphoreFile::Shape>()}) {
    const std::string text = check_throws<SemaphoreFile::Orphaned>([&] { (void)place.open(shape); });
    check(text.find("pid " + std::to_string(holder.pid()) + " ") != std::string::npos, text);
  }
  check(!place.has_set());
  kill(holder);
  const auto mended = place.open();
  require(mended.has_value());
  check_values(mended->semaphore(), 3, 0, 3);
}

TEST("when its key has become somebody else's it draws another") {
  const Place place;
  (void)place.open();
  const key_t key = place.key();
  place.remove_set();
  const int foreign = ::semget(key, 2, IPC_CREAT | IPC_EXCL | 0600);
  require(foreign >= 0);
  const auto mended = place.open();
  check(mended.has_value());
  check(place.key() != key && place.has_set());
  check_equal(::semget(key, 0, 0), foreign, "the other one is left alone");
  ::semctl(foreign, 0, IPC_RMID);
  const auto again = place.open();
  require(again.has_value());
  check_values(again->semaphore(), 3, 0, 3);
}

TEST("a new size is remembered for the day when the set is gone") {
  const Place place;
  auto file = place.open();
  require(file.has_value());
  check(file->resize(7) == Outcome::done);
  check_values(file->semaphore(), 7, 0, 7);
  check_equal(place.number(2), 7);
  place.remove_set();
  check(file->resize(8) == Outcome::gone);
  check_equal(place.number(2), 7, "and what failed is not");
  check_values(place.open()->semaphore(), 7, 0, 7);
}

TEST("users are those on the roster, in the open file and at a path") {
  const Place place;
  check(!SemaphoreFile::users_at(place.path()).has_value(), "there is none");
  const auto file = place.open();
  require(file.has_value());
  check(SemaphoreFile::users_at(place.path()).value().empty());
  Child holder = user_of(place, Roster::State::holds);
  const Child waiter = user_of(place, Roster::State::waits);
  place.remove_set();  // only the file counts
  for (const auto& users : {file->users(), SemaphoreFile::users_at(place.path()).value()}) {
    require(users.size() == 2);
    const auto held = std::ranges::find(users, holder.pid(), &Roster::Entry::pid);
    const auto waits = std::ranges::find(users, waiter.pid(), &Roster::Entry::pid);
    check(held != users.end() && held->state == Roster::State::holds);
    check(waits != users.end() && waits->state == Roster::State::waits);
  }
  kill(holder);
  check_equal(SemaphoreFile::users_at(place.path()).value().size(), 1U);
}

TEST("another user's is an Error") {
  if (::geteuid() != 0) skip("cannot become another user");
  const Place place;
  (void)place.open();
  ::chmod(std::filesystem::path(place.path()).parent_path().c_str(), 0755);
  for (const unsigned mode : {0600U, 0666U}) {
    ::chmod(place.path().c_str(), mode);
    const auto ending = in_child([&] {
      if (::setresuid(64999, 64999, 64999) != 0) return 98;
      try {
        (void)place.open();
      } catch (const ipc::Error& error) {
        return error.errnum() == EACCES ? 0 : 1;
      }
      return 2;
    });
    check_equal(ending.status(), 0);
  }
  check(place.has_set());
}
