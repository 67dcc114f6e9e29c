#pragma once
/// What the command line asks for.

#include <optional>
#include <span>
#include <string>

#include "ipc/duration.hpp"
#include "ipc/file_lock.hpp"

/// The language that plock was called in.
enum class Personality { plock, flock };

enum class Action {
  run,         ///< COMMAND under a lock
  descriptor,  ///< lock or unlock what the caller has open
  permit,      ///< COMMAND with a permit of a semaphore
  resize,      ///< the semaphore alone
  take,
  post,
  value,
  remove,
  list,
};

struct Config {
  Personality personality = Personality::plock;
  Action action = Action::run;
  std::optional<Action> asked;  ///< by an option of its own
  bool asked_for_two = false;
  bool verbose = false;

  // The lock.
  std::string lock;  ///< LOCK or NAME, as the user wrote it
  int descriptor = -1;
  ipc::FileLock::Mode mode = ipc::FileLock::Mode::exclusive;
  bool unlock = false;
  bool recursive = false;
  std::optional<ipc::Duration> wait;   ///< none: as long as it takes; 0: not at all
  std::optional<int> conflict_status;  ///< for "not obtained"

  // The command.
  std::optional<std::string> script;  ///< for a shell
  std::span<char*> command;           ///< a part of argv
  bool stay = false;                  ///< --hold command
  bool hold_tree = false;             ///< asked for, not merely the default
  bool close = false;                 ///< COMMAND does not get the descriptor
  bool no_fork = false;
  std::optional<ipc::Duration> timeout;

  // The semaphore.
  std::optional<int> permits;
  std::optional<int> ceiling;
  bool resize = false;
  bool force = false;

  // The listing.
  bool json = false;

  [[nodiscard]] bool as_flock() const noexcept { return personality == Personality::flock; }
  [[nodiscard]] const char* tool() const noexcept { return as_flock() ? "flock" : "plock"; }
};

/// Throws ipc::UsageError or ipc::Answer.
[[nodiscard]] Config configure(int argc, char** argv);
[[nodiscard]] Config configure_as_flock(int argc, char** argv);

/// A number of 0 or more and nothing else; none of descriptors that no process can have.
[[nodiscard]] bool is_all_digits(const char* text) noexcept;
/// Throws ipc::BadValue.
[[nodiscard]] int descriptor_number(const char* text);
