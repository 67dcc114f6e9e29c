#pragma once
/// The parts of a path, by its text alone.

#include <string>

namespace ipc {

/// Up to the last slash, and with it; "." when there is none.
[[nodiscard]] inline std::string parent_directory(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace ipc
