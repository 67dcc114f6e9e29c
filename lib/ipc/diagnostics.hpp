#pragma once
/// What a tool says on stderr: "tool: object: reason", one line, one write.

#include <string>
#include <string_view>

namespace ipc {

/// The line, with its newline. Newlines and other control bytes in `message` (hostile names) become '?'.
[[nodiscard]] std::string diagnostic(std::string_view tool, std::string_view message);

/// Writes the line to stderr. There is nobody left to tell when that fails.
void complain(std::string_view tool, std::string_view message) noexcept;

}  // namespace ipc
