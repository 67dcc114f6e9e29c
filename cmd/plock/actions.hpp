#pragma once
/// What plock does, one function for each way to call it. They return the exit status, and throw ipc::Error or
/// ipc::BadValue for what the user must mend before anything can happen.

#include "config.hpp"

/// COMMAND under a lock.
[[nodiscard]] int run_locked(const Config& config);

/// Locks or unlocks a descriptor of the caller's, and leaves it so.
[[nodiscard]] int lock_descriptor(const Config& config);

/// COMMAND with a permit of a semaphore, which is made when it is missing and resized when that is asked for.
[[nodiscard]] int run_with_permit(const Config& config);

/// --take, --post, --value, --remove, and --resize alone.
[[nodiscard]] int use_semaphore(const Config& config);

/// -l.
[[nodiscard]] int list_locks(const Config& config);
