#pragma once
/// Getting the lock: at once, or by waiting, or not at all.

#include <optional>
#include <string>

#include "config.hpp"
#include "ipc/deadline.hpp"
#include "ipc/file_lock.hpp"
#include "lock_file.hpp"

/// A lock, or the status to exit with, the reason having been told.
struct Obtained {
  std::optional<ipc::FileLock> lock;
  int status = 0;
};

/// Throws ipc::Error.
[[nodiscard]] Obtained obtain(const Config& config, LockFile& file);

/// The status for what was not to be had, told on stderr: "LOCK: busy, DETAIL", or "LOCK: timed out, DETAIL".
[[nodiscard]] int not_obtained(const Config& config, const std::string& detail);

/// When the waiting that config allows is over.
[[nodiscard]] ipc::Deadline deadline_of(const Config& config);

/// A wait of this length is felt by nobody, and only a longer one is worth a look at what it waits for.
inline constexpr ipc::Duration kPatience = std::chrono::milliseconds(20);
