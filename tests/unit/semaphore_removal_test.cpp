/// ipc/semaphore_file.hpp again: how a semaphore is removed, and is not.

#include <sys/sem.h>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/semaphore_file.hpp"
#include "semaphore_place.hpp"
#include "semaphore_set.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::Roster;
using ipc::SemaphoreFile;
using Keep = ipc::Semaphore::Keep;
using Outcome = ipc::Semaphore::Outcome;
using Removal = ipc::SemaphoreFile::Removal;

}  // namespace

TEST("removing takes the file and the set, once") {
  const Place place;
  check(place.remove() == Removal::missing);
  const auto file = place.open();
  require(file.has_value());
  const int set = ::semget(place.key(), 0, 0);
  check(place.remove() == Removal::removed);
  check(!place.is_there());
  check_equal(::semctl(set, 0, GETVAL), -1);
  check(!file->is_at(place.path()));
  check(place.remove() == Removal::missing);
  check(place.remove(true) == Removal::missing);
  const auto next = place.open();
  check(next.has_value() && next->is_at(place.path()) && !file->is_at(place.path()));
}

TEST("one that is in use is removed by force alone") {
  for (const auto state : {Roster::State::holds, Roster::State::waits}) {
    const Place place;
    (void)place.open();
    Child user = user_of(place, state);
    check(place.remove() == Removal::in_use);
    check(place.is_there() && place.has_set());
    check_values(place.open()->semaphore(), state == Roster::State::holds ? 2 : 3, 0, 3);
    check(place.remove(true) == Removal::removed);
    check(!place.is_there());
    kill(user);
  }
}

TEST("one that is waited for without the roster is in use, too") {
  const Place place;
  auto file = place.open(SemaphoreFile::Shape{0, 0});
  require(file.has_value());
  Child waiter([&] { return static_cast<int>(file->semaphore().acquire(Keep::undo, Deadline::never())); });
  require(eventually([&] { return file->semaphore().waiters() == 1; }));
  check(place.remove() == Removal::in_use);
  check(place.remove(true) == Removal::removed);
  check_equal(waiter.wait().status(), static_cast<int>(Outcome::gone), "who waits is told");
}

TEST("who had one open can tell whether it was removed from under its users") {
  const Place idle;
  const auto file = idle.open();
  require(file.has_value());
  check(!file->was_removed_in_use());
  check(idle.remove() == Removal::removed);
  check(!file->was_removed_in_use(), "nobody used it");
  const Place used;
  const auto other = used.open();
  const Child user = user_of(used, Roster::State::holds);
  check(used.remove() == Removal::in_use);
  check(!other->was_removed_in_use());
  check(used.remove(true) == Removal::removed);
  check(other->was_removed_in_use());
  const auto next = used.open();
  check(next.has_value() && !next->was_removed_in_use(), "the next one is another");
}

TEST("to open it makes it younger, for what clears old files away") {
  const Place place;
  (void)place.open();
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000);
  std::filesystem::last_write_time(place.path(), long_ago);
  (void)SemaphoreFile::users_at(place.path());
  check(std::filesystem::last_write_time(place.path()) < long_ago + std::chrono::hours(1),
        "looking does not");
  (void)place.open(std::nullopt);
  check(std::filesystem::last_write_time(place.path()) > long_ago + std::chrono::hours(999));
}

TEST("users that are gone do not keep it, nor does a set that is gone") {
  const Place place;
  (void)place.open();
  Child holder = user_of(place, Roster::State::holds);
  kill(holder);
  place.remove_set();
  check(place.remove() == Removal::removed);
  check(!place.is_there());
}
