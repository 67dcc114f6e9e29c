#pragma once
/// The outermost layer of every tool: exceptions become messages and exit statuses here, and nowhere else.

#include <functional>

#include "ipc/exit_status.hpp"

namespace ipc {

/// Runs `body` and returns its status. An Answer is printed (0); a UsageError, and any other exception that nobody
/// handled, is told on stderr and gives `usage_status`, the first with a hint at --help.
/// Descriptors 0, 1 and 2 are open when `body` begins.
[[nodiscard]] int run_main(const char* tool, const std::function<int()>& body,
                           int usage_status = kExitUsage) noexcept;

}  // namespace ipc
