#include "ipc/shell_quote.hpp"

#include <cstdio>

namespace ipc {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("@%+:,./-_").find(c) != std::string_view::npos;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// $'...' as in POSIX 2024; octal escapes with all three digits, so that what follows is never swallowed.
void append_dollar_quoted(std::string& out, std::string_view word) {
  out += "$'";
  for (const char c : word) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(c)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  out += '\'';
}

}  // namespace

void append_quoted(std::string& out, std::string_view word, QuoteStyle style) {
  bool plain = !word.empty();
  bool control = false;
  for (const char c : word) {
    plain &= is_plain(c);
    control |= is_control(c);
  }
  if (plain) {
    out += word;
  } else if (control && style == QuoteStyle::one_line) {
    append_dollar_quoted(out, word);
  } else {
    out += '\'';
    for (const char c : word) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        out += c;
      }
    }
    out += '\'';
  }
}

}  // namespace ipc
