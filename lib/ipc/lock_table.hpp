#pragma once
/// Who holds flock(2) locks, and who waits for them, by the kernel's own records.
///
/// A lock belongs to an open file description, and every process that has inherited a descriptor of it holds the lock.
/// /proc/locks names only the process that took it, which may be gone long since (a helper that locked its caller's
/// descriptor), and leaves out even that where it cannot be told; the truth about holders is in the "lock:" lines of
/// /proc/PID/fdinfo. Waiters are in /proc/locks alone.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "ipc/file_id.hpp"
#include "ipc/file_lock.hpp"

namespace ipc {

/// A process that has a descriptor of a description with a lock.
struct LockHolder {
  pid_t pid = 0;
  int fd = -1;  ///< the descriptor, in that process; -1 when it is not to be seen
  FileId file;
  FileLock::Mode mode = FileLock::Mode::exclusive;
  pid_t taken_by = 0;     ///< the process that took the lock, perhaps gone; 0 when unknown
  std::string kernel_id;  ///< the file as the kernel's records call it
};

struct LockWaiter {
  pid_t pid = 0;
  FileLock::Mode mode = FileLock::Mode::exclusive;
  std::string kernel_id;
};

/// The lock that this process's descriptor `fd` carries, if it does.
[[nodiscard]] std::optional<FileLock::Mode> lock_on(int fd);

/// The locks that process `pid` holds on any file.
[[nodiscard]] std::vector<LockHolder> locks_of(pid_t pid);

/// Whether the locks of process `pid` can be seen at all; those of other users' processes cannot.
[[nodiscard]] bool shows_locks(pid_t pid);

/// The processes among `pids` that hold a lock on `file`.
[[nodiscard]] std::vector<LockHolder> holders_among(const std::vector<pid_t>& pids, FileId file);

/// What the kernel tells of a lock on `file` in /proc/locks. A holder there may be gone long since, and its number
/// another process's: who is to be believed must be seen to have the lock, or not show its locks. Holders without a
/// descriptor (fd is -1), and waiters.
/// `kernel_ids` are names of the file seen with holders; on some file systems they differ from what stat(2) says.
struct LockRecords {
  std::vector<LockHolder> holders;
  std::vector<LockWaiter> waiters;
};
[[nodiscard]] LockRecords lock_records(FileId file, const std::vector<std::string>& kernel_ids = {});

}  // namespace ipc
