#pragma once
/// Who stands in the way, for messages and for the refusal to wait for ever.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "ipc/lock_table.hpp"

/// One process for each lock on `file`: the one that took it while it lives and has it, else the oldest that has it.
/// When the kernel's records lead to none, every process is looked at, which takes some milliseconds.
[[nodiscard]] std::vector<ipc::LockHolder> holders_of(ipc::FileId file);

/// One process for each lock among those that have it: locks are told apart by who took them.
[[nodiscard]] std::vector<ipc::LockHolder> representatives(std::vector<ipc::LockHolder> holders);

/// One of `holders` has the lock of `record`: on one file, locks are told apart by who took them.
[[nodiscard]] bool is_among(const ipc::LockHolder& record, const std::vector<ipc::LockHolder>& holders);

/// The process in a record of /proc/locks runs, and may be the holder though it does not show it.
[[nodiscard]] bool is_hidden(const ipc::LockHolder& record);

/// "pid 12 (sleep)", "pid 12 (sleep) and 2 more"; empty when nobody is known.
[[nodiscard]] std::string describe(const std::vector<ipc::LockHolder>& holders);

/// The farthest ancestor, or this process itself, that holds a lock on `file` in the way of one in `mode`.
[[nodiscard]] std::optional<pid_t> ancestor_holding(ipc::FileId file, ipc::FileLock::Mode mode);
