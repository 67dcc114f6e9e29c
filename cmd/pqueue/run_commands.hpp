#pragma once
/// get with a COMMAND: runs it for each message, several at a time, and settles a message when its COMMAND succeeds.

#include "config.hpp"
#include "queue/file_queue.hpp"

/// Returns the exit status, or dies of the signal that ended it. Throws ipc::UsageError, ipc::Error.
[[nodiscard]] int run_commands(const Config& config, queue::FileQueue& queue);
