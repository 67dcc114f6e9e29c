#pragma once
/// What can be known about processes that are not our children. Their numbers are used again, so that a process is
/// told for certain only by its number and the time of its start together.
/// All of it comes from /proc; what is not to be seen there (another user's, another namespace's) is unknown.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipc {

struct ProcessFacts {
  pid_t parent = 0;
  std::uint64_t start = 0;  ///< clock ticks since boot (proc_pid_stat(5), field 22)
  bool ended = false;       ///< a zombie none of whose threads runs on: it holds nothing any more
};

/// Nothing when there is no such process.
[[nodiscard]] std::optional<ProcessFacts> facts_of(pid_t pid);

/// Process `pid` started at `start` still runs.
[[nodiscard]] bool is_running(pid_t pid, std::uint64_t start);

/// The kernel's short name of it, at most 15 bytes; empty when unknown.
[[nodiscard]] std::string short_name_of(pid_t pid);

/// Its arguments, joined by blanks; its short name in brackets when it has none, as of kernel threads.
/// Empty when unknown.
[[nodiscard]] std::string command_line_of(pid_t pid);

/// The value that a variable had when it executed its program; nothing when that is not to be seen.
[[nodiscard]] std::optional<std::string> initial_variable_of(pid_t pid, const char* name);

/// Every process to be seen.
[[nodiscard]] std::vector<pid_t> all_processes();

/// This process, its parent, and so on.
[[nodiscard]] std::vector<pid_t> own_line();

/// Tells this boot from every other, after which the same numbers and start times come again; 0 when unknown.
[[nodiscard]] std::uint64_t this_boot();

}  // namespace ipc
