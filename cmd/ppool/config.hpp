#pragma once
/// What the command line asks for, checked and complete.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "halt.hpp"
#include "ipc/duration.hpp"
#include "workers.hpp"

enum class Mode {
  grouped,  ///< a job's output whole, when it has ended
  ordered,  ///< the same in the order of the input, the first unfinished job's as it comes (-k)
  lines,    ///< whole lines as they come (-l)
  direct    ///< jobs write to ppool's own stdout and stderr (-u)
};

enum class ExitRule { summary, first, count };

struct Config {
  // Records
  std::vector<std::string> files;                ///< of -a; stdin when empty and there are no groups
  std::vector<std::vector<std::string>> groups;  ///< of ::: values
  std::string delimiter = "\n";
  bool null_delimited = false;
  bool skip_empty = false;
  std::optional<std::string> separator;  ///< between columns
  std::optional<std::uint64_t> max_records;
  bool fit = false;
  std::string queue;  ///< where records come from instead; empty: none
  bool until_empty = false;

  // Command
  std::vector<std::string> command;
  std::string placeholder = "{}";
  std::optional<std::string> script;  ///< of --sh
  bool commands = false;
  bool tty = false;
  int nice = 0;
  std::string directory;
  std::vector<std::pair<std::string, std::string>> environment;

  // Output
  bool keep_order = false;
  bool ungrouped = false;
  bool line_buffered = false;
  std::optional<std::string> tag;  ///< a template
  std::uint64_t buffer = std::uint64_t{64} << 20;
  std::string tmpdir;
  std::string results;
  std::string joblog;

  // Success, failure, limits
  WorkerCount workers;
  ExitRule exit_rule = ExitRule::summary;
  std::optional<ipc::Duration> timeout;
  ipc::Duration kill_after = std::chrono::seconds(2);
  std::optional<std::uint64_t> retries;  ///< none: as is usual, which is 3 for a queue and else 0
  ipc::Duration backoff{0};
  HaltRule halt;
  bool resume = false;
  bool resume_failed = false;
  ipc::Duration delay{0};
  bool dry_run = false;
  bool verbose = false;
  bool progress = false;

  [[nodiscard]] Mode mode() const noexcept {
    if (ungrouped) return Mode::direct;
    if (keep_order) return Mode::ordered;
    return line_buffered ? Mode::lines : Mode::grouped;
  }
};

/// Reads the command line. Throws UsageError, or Answer for --help and its like.
[[nodiscard]] Config configure(int argc, char** argv);
