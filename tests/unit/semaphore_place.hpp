#pragma once
/// A path for a semaphore's file, and processes that use what is there.

#include <sys/sem.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include "child.hpp"
#include "ipc/semaphore_file.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

inline constexpr ipc::SemaphoreFile::Shape kThree{3, 0};
inline constexpr std::size_t kNumbers = 16;  // of the header, behind the magic: key, cookie, limit, ceiling

/// A path for a semaphore; whatever set its file names is gone at the end.
class Place {
 public:
  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { remove_set(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_there() const {
    return std::filesystem::exists(std::filesystem::symlink_status(path_));
  }
  [[nodiscard]] std::string text() const { return file_text(path_); }
  /// One of the header's numbers.
  [[nodiscard]] std::int32_t number(std::size_t index) const {
    std::int32_t value = 0;
    const std::string all = text();
    const std::size_t at = kNumbers + index * sizeof value;
    if (all.size() >= at + sizeof value) std::memcpy(&value, all.data() + at, sizeof value);
    return value;
  }
  [[nodiscard]] key_t key() const { return number(0); }
  [[nodiscard]] bool has_set() const { return key() != IPC_PRIVATE && ::semget(key(), 0, 0) >= 0; }
  /// As a reboot does.
  void remove_set() const {
    if (key() == IPC_PRIVATE) return;
    if (const int set = ::semget(key(), 0, 0); set >= 0) ::semctl(set, 0, IPC_RMID);
  }
  void put(const std::string& bytes) const { (void)scratch_.file("s", bytes, 0600); }

  [[nodiscard]] std::optional<ipc::SemaphoreFile> open(
      std::optional<ipc::SemaphoreFile::Shape> shape = kThree) const {
    return ipc::SemaphoreFile::open(path_, shape);
  }
  [[nodiscard]] ipc::SemaphoreFile::Removal remove(bool force = false) const {
    return ipc::SemaphoreFile::remove(path_, force);
  }

 private:
  Scratch scratch_;
  std::string path_ = scratch_ / "s";
};

/// On the roster with `state` (and a permit, when it holds), until it is killed.
inline Child user_of(const Place& place, ipc::Roster::State state) {
  Latch ready;
  Child child([&] {
    auto file = place.open();
    ipc::Roster roster(file->descriptor(), ipc::SemaphoreFile::kRosterBegin);
    if (state == ipc::Roster::State::holds) {
      if (file->semaphore().acquire(ipc::Semaphore::Keep::undo, ipc::Deadline::now()) !=
          ipc::Semaphore::Outcome::done)
        return 1;
      roster.now(state);
    }
    ready.open();
    for (;;) ::pause();
    return 0;
  });
  require(ready.wait());
  return child;
}

inline void kill(Child& child) {
  ::kill(child.pid(), SIGKILL);
  check_equal(child.wait().signal, SIGKILL);
}
