#include "ipc/size.hpp"

#include <charconv>

#include "ipc/error.hpp"

namespace ipc {
namespace {

bool parse_digits(std::string_view text, std::uint64_t& value, std::string_view& rest) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return true;
}

char hex_byte(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
    throw BadValue("\\x takes two hexadecimal digits");
  }
  return static_cast<char>(value);
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
  std::uint64_t value = 0;
  std::string_view unit;
  if (!parse_digits(text, value, unit) || unit.size() > 1)
    throw BadValue("not a size (bytes, or with K M G T)");
  unsigned shift = 0;
  if (!unit.empty()) {
    constexpr std::string_view kUnits = "KMGT";
    const auto index = kUnits.find(unit[0]);
    if (index == std::string_view::npos) throw BadValue("not a size (bytes, or with K M G T)");
    shift = 10U * static_cast<unsigned>(index + 1);
  }
  if ((value << shift) >> shift != value || (value << shift) >> 63 != 0) throw BadValue("too large a size");
  return value << shift;
}

std::uint64_t parse_count(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  std::string_view rest;
  if (!parse_digits(text, value, rest) || !rest.empty() || value < least || value > most) {
    throw BadValue("not a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

std::string parse_bytes(std::string_view text) {
  if (text.empty()) throw BadValue("must not be empty");
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || text.size() == 1) {
      bytes += text[i];
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    switch (c) {
      case 't': bytes += '\t'; break;
      case 'n': bytes += '\n'; break;
      case 'r': bytes += '\r'; break;
      case '0': bytes += '\0'; break;
      case '\\': bytes += '\\'; break;
      case 'x':
        bytes += hex_byte(text.substr(i + 1, 2));
        i += 2;
        break;
      default: throw BadValue("unknown escape (\\t \\n \\r \\0 \\\\ \\xHH)");
    }
  }
  return bytes;
}

}  // namespace ipc
