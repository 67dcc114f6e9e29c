#pragma once
/// The file that a semaphore is known by: its magic, the random key of the kernel's set and its cookie, its limit and
/// ceiling, and the roster of those who use it.
///
/// The kernel's set is the truth while it is there. When it is gone (a reboot, RemoveIPC of logind.conf(5)) it is made
/// anew from the file, unless a process on the roster still believes that it holds a permit. The file appears with its
/// key in it (KeyFile), and before the set is made, so that whoever is killed in between leaves what the next one goes on
/// from.
/// What it throws does not name the semaphore: its user knows it by a better name than its path.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "ipc/key_file.hpp"
#include "ipc/roster.hpp"
#include "ipc/semaphore.hpp"

namespace ipc {

class SemaphoreFile {
 public:
  /// What a new one is made like.
  struct Shape {
    int limit = 0;    ///< permits that it begins with
    int ceiling = 0;  ///< 0: none
  };
  /// The set is gone while a process holds a permit of it.
  class Orphaned : public std::exception {
   public:
    explicit Orphaned(pid_t holder);
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

   private:
    std::string text_;
  };

  /// Opens the semaphore at `path`, mended when it must be; makes it when it is missing and `shape` is given, else
  /// returns nothing. Throws BadValue for a file that is no semaphore, Orphaned, and Error.
  [[nodiscard]] static std::optional<SemaphoreFile> open(const std::string& path,
                                                         const std::optional<Shape>& shape);

  [[nodiscard]] Semaphore& semaphore() noexcept { return semaphore_; }
  [[nodiscard]] const Semaphore& semaphore() const noexcept { return semaphore_; }
  /// Borrowed, for a Roster that begins at kRosterBegin.
  [[nodiscard]] int descriptor() const noexcept { return file_.descriptor(); }
  [[nodiscard]] std::vector<Roster::Entry> users() const;
  /// `path` still names this file; not so once it has been removed.
  [[nodiscard]] bool is_at(const std::string& path) const;

  /// It has been removed by force, from under those who used it.
  [[nodiscard]] bool was_removed_in_use() const;

  /// As Semaphore::resize, and remembered for the day when the set is gone.
  [[nodiscard]] Semaphore::Outcome resize(int limit);

  enum class Removal { removed, in_use, missing };
  /// Unless `force` is set, not while anybody holds a permit or waits for one. Throws BadValue and Error.
  [[nodiscard]] static Removal remove(const std::string& path, bool force);

  /// Who uses the semaphore at `path`, which is only read; nothing when there is none. Throws BadValue and Error.
  [[nodiscard]] static std::optional<std::vector<Roster::Entry>> users_at(const std::string& path);

  static constexpr std::size_t kRosterBegin = 64;

 private:
  SemaphoreFile(KeyFile file, Semaphore semaphore) noexcept : file_(std::move(file)), semaphore_(semaphore) {}

  KeyFile file_;
  Semaphore semaphore_;
};

}  // namespace ipc
