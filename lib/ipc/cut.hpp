#pragma once
/// Cutting text into parts.

#include <algorithm>
#include <string_view>

namespace ipc {

/// Takes off `text` what is before the first `separator`, and the separator too; all of it when there is none.
inline std::string_view cut(std::string_view& text, char separator) noexcept {
  const auto end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace ipc
