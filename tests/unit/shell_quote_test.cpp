#include "ipc/shell_quote.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::QuoteStyle;

std::string quoted(std::string_view word, QuoteStyle style) {
  std::string out;
  ipc::append_quoted(out, word, style);
  return out;
}

std::vector<std::string> words_to_quote() {
  std::vector<std::string> words{"",
                                 " ",
                                 "a b",
                                 "~",
                                 "~root",
                                 "a=b",
                                 "=ls",
                                 "-n",
                                 "*",
                                 "[a]",
                                 "{a,b}",
                                 "$HOME",
                                 "`id`",
                                 "$(id)",
                                 "!x",
                                 "#x",
                                 "a#b",
                                 "\\",
                                 "\\n",
                                 "'",
                                 "''",
                                 "\"",
                                 "'\\''",
                                 "a'b",
                                 "\n\n",
                                 "\r\n",
                                 "a\nb'",
                                 "\\'",
                                 "\1"
                                 "7",
                                 "\x7f"
                                 "1",
                                 "\t'\\",
                                 "%s",
                                 "%1",
                                 "a;b",
                                 "a&b",
                                 "a|b",
                                 "<>",
                                 "(a)",
                                 "^a^b",
                                 "?",
                                 "if",
                                 "@(a)",
                                 ":",
                                 ",",
                                 "\xc3\xa9",
                                 "\xff\xfe",
                                 "\xe2\x82",
                                 "$'a'",
                                 "\x1b[0m",
                                 "\n$(id)\n"};
  for (int byte = 1; byte <= 255; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    words.push_back(one);
    words.push_back(one + one);
    words.push_back("a" + one + "7");
    words.push_back(one + "'\n" + one);
  }
  return words;
}

/// What `shell` makes of the quoted words, in a locale.
void compare_with(const std::string& shell, QuoteStyle style, const std::string& locale) {
  const Scratch scratch;
  const auto words = words_to_quote();
  std::string script;
  std::string expected;
  for (const auto& word : words) {
    script += "printf '%s\\0' " + quoted(word, style) + "\n";
    expected += word + '\0';
  }
  scratch.file("script", script);
  const std::string command = "cd " + scratch.path() + " && env -i PATH=\"$PATH\" LC_ALL=" + locale + ' ' +
                              shell + " ./script >out 2>err </dev/null";
  check_equal(std::system(command.c_str()), 0, shell);
  check_equal(file_text(scratch / "err"), "", shell);
  const std::string got = file_text(scratch / "out");
  if (got == expected) {
    check(true);
    return;
  }
  std::size_t from = 0;
  for (const auto& word : words) {
    const std::string one = got.substr(std::min(from, got.size()), got.find('\0', from) - from);
    from += one.size() + 1;
    check_equal(one, word, shell + " reads " + quoted(word, style));
  }
}

bool have(const char* command) {
  return std::system(("command -v " + std::string(command) + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace

TEST("plain words are left as they are") {
  for (const char* word :
       {"a", "file.txt", "/usr/bin/env", "a-b_c", "user@host:dir", "50%", "a,b", "x+y", "--long"}) {
    check_equal(quoted(word, QuoteStyle::posix), word);
    check_equal(quoted(word, QuoteStyle::one_line), word);
  }
}

TEST("others are quoted in the simplest way") {
  check_equal(quoted("", QuoteStyle::posix), "''");
  check_equal(quoted("a b", QuoteStyle::posix), "'a b'");
  check_equal(quoted("it's", QuoteStyle::posix), "'it'\\''s'");
  check_equal(quoted("a\nb", QuoteStyle::posix), "'a\nb'");
  check_equal(quoted("a\nb", QuoteStyle::one_line), "$'a\\nb'");
  check_equal(quoted("\t'\\\x01"
                     "7",
                     QuoteStyle::one_line),
              "$'\\t\\'\\\\\\0017'");
  check_equal(quoted("it's", QuoteStyle::one_line), "'it'\\''s'");
}

TEST("it appends") {
  std::string out = "cmd ";
  ipc::append_quoted(out, "a b");
  check_equal(out, "cmd 'a b'");
}

TEST("one_line never breaks a line, nor shows a control byte") {
  for (const auto& word : words_to_quote()) {
    for (const char c : quoted(word, QuoteStyle::one_line)) {
      const auto byte = static_cast<unsigned char>(c);
      check(byte >= 0x20 && byte != 0x7f, word);
    }
  }
}

TEST("/bin/sh reads the posix style back") { compare_with("/bin/sh", QuoteStyle::posix, "C"); }

TEST("bash reads both styles back") {
  if (!have("bash")) skip("no bash");
  for (const char* locale : {"C", "C.UTF-8"}) {
    compare_with("bash", QuoteStyle::posix, locale);
    compare_with("bash", QuoteStyle::one_line, locale);
  }
}

TEST("zsh reads both styles back") {
  if (!have("zsh")) skip("no zsh");
  compare_with("zsh -f", QuoteStyle::posix, "C");
  compare_with("zsh -f", QuoteStyle::one_line, "C");
}

TEST("busybox sh reads the posix style back") {
  if (!have("busybox")) skip("no busybox");
  compare_with("busybox sh", QuoteStyle::posix, "C");
}
