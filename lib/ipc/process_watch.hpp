#pragma once
/// A descriptor for a process that is not our child, by which its end can be waited for.

#include <sys/types.h>

#include "ipc/fd.hpp"

namespace ipc {

/// Readable from the moment the process has ended; none when there is no such process, or it cannot be watched.
/// Whether the number still is the process that was meant, the caller must know.
[[nodiscard]] Fd watch_process(pid_t pid) noexcept;

/// The process behind what the above has returned has ended.
[[nodiscard]] bool has_ended(int watched) noexcept;

}  // namespace ipc
