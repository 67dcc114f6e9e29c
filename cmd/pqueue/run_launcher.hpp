#pragma once
/// Turns messages into processes: the command line, the environment, the descriptors.

#include <sys/resource.h>

#include <atomic>
#include <optional>
#include <string>

#include "config.hpp"
#include "ipc/arguments.hpp"
#include "ipc/fd.hpp"
#include "ipc/lookup.hpp"
#include "ipc/process.hpp"
#include "ipc/signals.hpp"
#include "run_environment.hpp"
#include "run_words.hpp"

class Launcher {
 public:
  /// Looks for COMMAND. Borrows `config`. Throws ipc::Error.
  explicit Launcher(const Config& config);

  /// Where COMMAND is, or why it is nowhere; nothing to complain about where each message names its own.
  [[nodiscard]] const ipc::Lookup& command() const noexcept { return command_; }
  [[nodiscard]] bool command_varies() const noexcept { return words_.command_varies(); }

  /// Makes the command line for a message, of which the functions below speak. Returns 0, or the errno that exec would
  /// give or should give: E2BIG, and EINVAL for a NUL.
  [[nodiscard]] int prepare(const queue::Message& message, queue::Lease lease);
  [[nodiscard]] const char* first_word() const noexcept { return arguments_.word(0); }

  /// What becomes COMMAND's descriptors. A negative `in` is /dev/null.
  struct Streams {
    int in = -1;
    int out = 1;
    int err = 2;
  };
  /// Starts what prepare() made. Fails with Step::exec and ENOENT etc. too where COMMAND varies and is not there.
  [[nodiscard]] ipc::Spawned start(Streams streams, std::atomic<pid_t>& announcement,
                                   const ipc::SignalQueue& signals);

  /// The limit to give back to COMMANDs, once pqueue has raised its own.
  void restore_open_files(const rlimit& limit) { open_files_ = limit; }

 private:
  CommandWords words_;
  CommandEnvironment environment_;
  ipc::Fd null_;
  ipc::Lookup command_;
  ipc::Arguments arguments_;
  std::optional<rlimit> open_files_;
};
