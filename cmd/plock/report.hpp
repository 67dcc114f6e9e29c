#pragma once
/// What plock tells on stderr, under the name that it was called by.

#include <sys/types.h>

#include <string>

#include "config.hpp"
#include "ipc/error.hpp"

/// "LOCK: TEXT".
void say(const Config& config, const std::string& text);

/// Tells an error that came when a status of 2 could already be taken for COMMAND's. Returns the status for it.
[[nodiscard]] int failed(const Config& config, const ipc::Error& error);

/// "pid 12 (sleep)", or "pid 12" when its name is not to be seen.
[[nodiscard]] std::string describe(pid_t pid);
