#pragma once
/// What the diagnostics of a test are made of: places in its source, and values as text.

#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

namespace tap {

/// As std::source_location, which clang 14 does not have yet.
struct Here {
  const char* file;
  int line;
  static constexpr Here current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

template <class T>
std::string shown(const T& value) {
  std::ostringstream out;
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out << '"' << std::string_view(value) << '"';
  } else if constexpr (std::is_enum_v<T>) {
    out << static_cast<long long>(value);
  } else if constexpr (requires { out << value; }) {
    out << std::boolalpha << value;
  } else {
    out << "a value";
  }
  return out.str();
}

/// Control bytes would break the line of TAP.
inline std::string printable(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 2000)) {
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    line += c < ' ' || c > '~' ? std::string(escape) : std::string(1, c);
  }
  return line;
}

}  // namespace tap
