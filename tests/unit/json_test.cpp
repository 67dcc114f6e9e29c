#include "ipc/json.hpp"

#include <string>

#include "tap.hpp"

namespace {

using ipc::json_string;
using std::string_view;

constexpr string_view kReplacement = "\xEF\xBF\xBD";

/// `text` between quotes.
std::string quoted(string_view text) { return '"' + std::string(text) + '"'; }

/// `count` bytes that are no UTF-8, and a letter after them.
void check_replaced(string_view bytes, std::size_t count, tap::Here at = tap::Here::current()) {
  std::string expected;
  for (std::size_t i = 0; i < count; ++i) expected += kReplacement;
  check_equal(json_string(bytes), quoted(expected), "alone", at);
  check_equal(json_string("a" + std::string(bytes) + "b"), quoted("a" + expected + "b"), "within", at);
}

void check_kept(string_view bytes, tap::Here at = tap::Here::current()) {
  check_equal(json_string(bytes), quoted(bytes), {}, at);
  check_equal(json_string("a" + std::string(bytes) + "b"), quoted("a" + std::string(bytes) + "b"), {}, at);
}

}  // namespace

TEST("plain text stands between quotes") {
  check_equal(json_string(""), "\"\"");
  check_kept("hello, world");
  check_kept("/ ' < > & { } [ ] : ,");
}

TEST("quotes, backslashes and control bytes are escaped") {
  check_equal(json_string("\""), R"("\"")");
  check_equal(json_string("\\"), R"("\\")");
  check_equal(json_string("\n\t\r"), R"("\n\t\r")");
  check_equal(json_string("\\n"), R"("\\n")");
  for (int byte = 0; byte < 0x20; ++byte) {
    const char c = static_cast<char>(byte);
    if (c == '\n' || c == '\t' || c == '\r') continue;
    constexpr char kDigits[] = "0123456789abcdef";
    const std::string expected = std::string("\\u00") + kDigits[byte / 16] + kDigits[byte % 16];
    check_equal(json_string(string_view(&c, 1)), quoted(expected));
  }
  check_equal(json_string("\x7F"), R"("\u007f")");
  check_equal(json_string(string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST("every byte from 0x20 to 0x7E but two stands for itself") {
  for (int byte = 0x20; byte < 0x7F; ++byte) {
    const char c = static_cast<char>(byte);
    if (c != '"' && c != '\\') check_equal(json_string(string_view(&c, 1)), quoted(string_view(&c, 1)));
  }
}

TEST("the first and last character of each length are kept") {
  check_kept("\xC2\x80");
  check_kept("\xDF\xBF");
  check_kept("\xE0\xA0\x80");
  check_kept("\xEF\xBF\xBF");
  check_kept("\xF0\x90\x80\x80");
  check_kept("\xF4\x8F\xBF\xBF");
  check_kept("\xED\x9F\xBF");
  check_kept("\xEE\x80\x80");
  check_kept("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x94\x92");
}

TEST("overlong forms are no characters") {
  check_replaced("\xC0\x80", 2);
  check_replaced("\xC0\xAF", 2);
  check_replaced("\xC1\xBF", 2);
  check_replaced("\xE0\x80\x80", 3);
  check_replaced("\xE0\x9F\xBF", 3);
  check_replaced("\xF0\x80\x80\x80", 4);
  check_replaced("\xF0\x8F\xBF\xBF", 4);
}

TEST("surrogates and what is past U+10FFFF are no characters") {
  check_replaced("\xED\xA0\x80", 3);
  check_replaced("\xED\xBF\xBF", 3);
  check_replaced("\xF4\x90\x80\x80", 4);
  for (int lead = 0xF5; lead <= 0xFF; ++lead) {
    const std::string bytes = std::string(1, static_cast<char>(lead)) + "\x80\x80\x80";
    check_replaced(bytes, 4);
  }
}

TEST("a continuation alone is none, and a character cut short is none") {
  for (int byte = 0x80; byte < 0xC0; ++byte) check_replaced(std::string(1, static_cast<char>(byte)), 1);
  check_replaced("\xC3", 1);
  check_replaced("\xE2\x82", 2);
  check_replaced("\xE2", 1);
  check_replaced("\xF0\x9F\x94", 3);
  check_replaced("\xF0\x9F", 2);
  check_equal(json_string("\xE2\x82\xC3\xA4"),
              quoted(std::string(kReplacement) + std::string(kReplacement) + "\xC3\xA4"),
              "what follows is read anew");
  check_equal(json_string("\xE2\x82\""),
              quoted(std::string(kReplacement) + std::string(kReplacement) + "\\\""),
              "a quote behind it is still escaped");
  check_equal(json_string("\xC3\n"), quoted(std::string(kReplacement) + "\\n"));
}

TEST("nothing behind the end is looked at") {
  check_equal(json_string(string_view("\xE2\x82\xAC").substr(0, 2)),
              quoted(std::string(kReplacement) + std::string(kReplacement)));
  check_equal(json_string(string_view("\xC3\xA4").substr(0, 1)), quoted(kReplacement));
  check_equal(json_string(string_view("a\xF0\x9F\x94\x92").substr(0, 2)),
              quoted("a" + std::string(kReplacement)));
}

TEST("every pair of bytes gives well-formed text without control bytes") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char pair[] = {static_cast<char>(first), static_cast<char>(second)};
      const std::string text = json_string(string_view(pair, 2));
      const bool good = text.size() >= 3 && text.front() == '"' && text.back() == '"' &&
                        text.find_first_of(std::string("\0\n\t\r\x1F\x7F", 6)) == std::string::npos;
      if (!good) check(false, text);
      // Written again, it stays what it is: each byte of it was fit for UTF-8.
      if (text.find('\\') == std::string::npos) {
        const std::string inner = text.substr(1, text.size() - 2);
        if (inner.find('"') == std::string::npos && json_string(inner) != text) check(false, text);
      }
    }
  }
  check(true);
}
