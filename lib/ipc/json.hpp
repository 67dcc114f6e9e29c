#pragma once
/// JSON text (RFC 8259) for the tools that print lists of objects.

#include <string>
#include <string_view>

namespace ipc {

/// `bytes` as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD, one each.
[[nodiscard]] std::string json_string(std::string_view bytes);

}  // namespace ipc
