#pragma once
/// What a tool says on stderr: "tool: object: reason", one line, one write.

#include <string>
#include <string_view>

namespace ipc {

/// `text` for a terminal: control characters (hostile names have them) become '?', also those that UTF-8 writes with
/// two bytes, U+0080 to U+009F.
[[nodiscard]] std::string printable(std::string_view text);

/// The line, with its newline, and `message` made printable.
[[nodiscard]] std::string diagnostic(std::string_view tool, std::string_view message);

/// Writes the line to stderr. There is nobody left to tell when that fails.
void complain(std::string_view tool, std::string_view message) noexcept;

}  // namespace ipc
