#include "ipc/json.hpp"

#include <cstddef>

namespace ipc {
namespace {

/// The length of the UTF-8 character that `bytes` begins with (RFC 3629), 0 when it begins with none.
std::size_t character_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char least =
      0x80;  // bounds of the second byte: no overlong forms, no surrogates, nothing past U+10FFFF
  unsigned char most = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) least = 0xA0;
    if (lead == 0xED) most = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) least = 0x90;
    if (lead == 0xF4) most = 0x8F;
  } else {
    return 0;
  }
  if (bytes.size() < length || byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

void append_escaped(std::string& text, char c) {
  constexpr char kDigits[] = "0123456789abcdef";
  switch (c) {
    case '"': text += "\\\""; break;
    case '\\': text += "\\\\"; break;
    case '\n': text += "\\n"; break;
    case '\t': text += "\\t"; break;
    case '\r': text += "\\r"; break;
    default:
      text += "\\u00";
      text += kDigits[(static_cast<unsigned char>(c) >> 4) & 15];
      text += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

}  // namespace

std::string json_string(std::string_view bytes) {
  std::string text = "\"";
  while (!bytes.empty()) {
    const std::size_t length = character_length(bytes);
    const char c = bytes.front();
    if (length == 0) {
      text += "\xEF\xBF\xBD";
    } else if (length == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"' || c == '\\')) {
      append_escaped(text, c);
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  text += '"';
  return text;
}

}  // namespace ipc
