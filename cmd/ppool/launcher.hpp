#pragma once
/// Turns jobs into processes: the command line, the environment, the descriptors, and where it all begins.

#include <sys/resource.h>

#include <optional>
#include <string>

#include "config.hpp"
#include "environment.hpp"
#include "ipc/arguments.hpp"
#include "ipc/fd.hpp"
#include "ipc/guard.hpp"
#include "ipc/lookup.hpp"
#include "ipc/process.hpp"
#include "ipc/signals.hpp"
#include "ipc/terminal.hpp"
#include "job.hpp"
#include "template.hpp"

class Launcher {
 public:
  /// Opens what jobs share and reads the template. Throws ipc::UsageError, ipc::Error.
  explicit Launcher(const Config& config);

  /// Looks for a COMMAND that is the same for all jobs; nothing to complain about where it varies.
  [[nodiscard]] const ipc::Lookup& command() const noexcept { return command_; }
  /// The first word, as given.
  [[nodiscard]] const std::string& command_name() const noexcept { return words_.front(); }
  [[nodiscard]] bool command_varies() const noexcept { return template_.command_varies(); }
  /// What all jobs' arguments have in common, in bytes as the kernel counts them.
  [[nodiscard]] std::size_t fixed_bytes() const noexcept;
  /// How often each record of a job is in its arguments.
  [[nodiscard]] std::size_t copies() const noexcept { return template_.copies(); }

  /// Expands the words for `job`; the functions below speak of the latest expansion.
  void prepare(const Job& job);
  /// A record that can be no argument: 0, or the errno that exec would give or should have given.
  [[nodiscard]] int unfit() const noexcept;
  [[nodiscard]] std::string quoted(bool one_line) const;
  [[nodiscard]] std::string first_word() const { return arguments_.word(0); }
  /// The tag of `job`, with its tab.
  [[nodiscard]] std::string tag(const Job& job) const;
  /// What --resume knows a job by: the words before expansion and what they mean, and the fields.
  [[nodiscard]] ipc::Hash128 identity(const Job& job) const;

  /// Where a job's descriptors 1 and 2 lead.
  struct Streams {
    int out = 1;
    int err = 2;
  };
  /// Starts what prepare() made. Fails with Step::exec and ENOENT etc. too where COMMAND varies and is not there.
  [[nodiscard]] ipc::Spawned start(const Job& job, Streams streams, const ipc::SignalQueue& signals,
                                   ipc::Guard& guard);

  /// Descriptor limits to give back to jobs, once ppool has raised its own.
  void restore_open_files(const rlimit& limit) { open_files_ = limit; }
  /// --tty: jobs get the terminal as stdin, and as their own while ppool is in its foreground. Borrowed.
  void use_terminal(ipc::Terminal& terminal) noexcept { terminal_ = &terminal; }

 private:
  [[nodiscard]] ipc::Lookup look_up_word(const char* word) const;

  std::vector<std::string> words_;
  Template template_;
  std::optional<Template> tag_;
  Environment environment_;
  ipc::Fd null_;
  ipc::Fd directory_;
  int nice_;
  std::string placeholder_;
  std::optional<std::string> separator_;
  ipc::Terminal* terminal_ = nullptr;
  std::optional<rlimit> open_files_;
  ipc::Lookup command_;
  ipc::Arguments arguments_;
};
