#include "run_words.hpp"
#include "tap.hpp"

namespace {

using Words = std::vector<std::string>;

std::string expanded(const Words& words, std::string_view message, bool on_stdin = false) {
  ipc::Arguments arguments;
  CommandWords(words, on_stdin).expand(message, arguments);
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) text += std::string("[") + arguments.word(i) + ']';
  return text;
}

}  // namespace

TEST("without a placeholder the message is appended") {
  check_equal(expanded({"cmd"}, "a b"), "[cmd][a b]");
  check_equal(expanded({"cmd", "-x"}, ""), "[cmd][-x][]");
}

TEST("{} anywhere in an argument, as often as it stands there") {
  check_equal(expanded({"cmd", "{}"}, "m"), "[cmd][m]");
  check_equal(expanded({"cmd", "a{}b{}", "{}{}"}, "m"), "[cmd][ambm][mm]");
}

TEST("<> only as a whole argument") {
  check_equal(expanded({"cmd", "<>", "x"}, "m"), "[cmd][m][x]");
  check_equal(expanded({"cmd", "<>x", "x<>"}, "m"), "[cmd][<>x][x<>][m]");
}

TEST("other braces are left alone, and do not count") {
  check_equal(expanded({"cmd", "{x}", "{", "}", "{ }", "$1"}, "m"), "[cmd][{x}][{][}][{ }][$1][m]");
}

TEST("a message that looks like a placeholder is not expanded again") {
  check_equal(expanded({"cmd", "{}-{}"}, "{}"), "[cmd][{}-{}]");
  check_equal(expanded({"cmd"}, "<>"), "[cmd][<>]");
}

TEST("with the message on stdin nothing is appended, but placeholders stand for it all the same") {
  check_equal(expanded({"cmd", "x"}, "m", true), "[cmd][x]");
  check_equal(expanded({"cmd", "{}"}, "m", true), "[cmd][m]");
}

TEST("a message is one argument whatever bytes it holds, and a NUL is noticed") {
  ipc::Arguments arguments;
  CommandWords({"cmd", "{}"}, false).expand("a\n b'\"$(x)", arguments);
  check_equal(std::string(arguments.word(1)), "a\n b'\"$(x)");
  check(!arguments.has_nul());
  CommandWords({"cmd", "{}"}, false).expand(std::string_view("a\0b", 3), arguments);
  check(arguments.has_nul());
  check_equal(arguments.size(), 2U);
}

TEST("an expansion leaves nothing of the one before") {
  ipc::Arguments arguments;
  const CommandWords words({"cmd"}, false);
  words.expand("a long message", arguments);
  words.expand("b", arguments);
  check_equal(arguments.size(), 2U);
  check_equal(std::string(arguments.word(1)), "b");
}

TEST("the command varies where its own word has a placeholder") {
  check(CommandWords({"{}"}, false).command_varies());
  check(CommandWords({"bin/{}"}, true).command_varies());
  check(CommandWords({"<>", "x"}, false).command_varies());
  check(!CommandWords({"cmd", "{}"}, false).command_varies());
}
