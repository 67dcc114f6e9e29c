#pragma once
/// Finding COMMAND as execvp(3) would, but once and beforehand, so that a missing one is told before anything
/// starts and no job searches PATH again.

#include <string>

namespace ipc {

struct Lookup {
  std::string path;  ///< what to execute
  int errnum = 0;    ///< 0, or why it cannot be: ENOENT, EACCES, EISDIR, ...

  /// 127 when it was not found, 126 when it was but cannot be executed.
  [[nodiscard]] int status() const noexcept;
};

/// `search_path`: the value of PATH, nullptr where it is unset. Relative paths start at the descriptor `directory`
/// (AT_FDCWD: where this process is).
[[nodiscard]] Lookup look_up(const std::string& command, const char* search_path, int directory);

}  // namespace ipc
