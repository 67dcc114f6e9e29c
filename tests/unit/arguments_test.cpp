#include "ipc/arguments.hpp"

#include <string>

#include "tap.hpp"

TEST("words come out as they went in, NULL-terminated") {
  ipc::Arguments arguments;
  arguments.add_word("cmd");
  arguments.add_word("");
  arguments.begin_word();
  arguments.append("a ");
  arguments.append("");
  arguments.append("b");
  arguments.end_word();
  require(arguments.size() == 3);
  char* const* argv = arguments.argv();
  check_equal(std::string(argv[0]), "cmd");
  check_equal(std::string(argv[1]), "");
  check_equal(std::string(argv[2]), "a b");
  check(argv[3] == nullptr);
  check_equal(std::string(arguments.word(2)), "a b");
}

TEST("words stay good while more are added") {
  ipc::Arguments arguments;
  for (int i = 0; i < 5000; ++i) arguments.add_word(std::to_string(i));
  char* const* argv = arguments.argv();
  for (int i = 0; i < 5000; ++i) {
    if (!check_equal(std::string(argv[i]), std::to_string(i))) return;
  }
  check(argv[5000] == nullptr);
}

TEST("clear() begins anew") {
  ipc::Arguments arguments;
  arguments.add_word("old");
  arguments.clear();
  check_equal(arguments.size(), 0U);
  check(arguments.argv()[0] == nullptr);
  arguments.add_word("new");
  check_equal(std::string(arguments.argv()[0]), "new");
}

TEST("a NUL anywhere in a word is seen, and the ends of words are none") {
  using std::string_view_literals::operator""sv;
  for (const auto word : {"\0"sv, "a\0"sv, "\0a"sv, "a\0b"sv}) {
    for (const bool last : {false, true}) {
      ipc::Arguments arguments;
      arguments.add_word("cmd");
      arguments.add_word(word);
      if (!last) arguments.add_word("more");
      check(arguments.has_nul());
    }
  }
  ipc::Arguments arguments;
  check(!arguments.has_nul());
  arguments.add_word("");
  arguments.add_word("a");
  arguments.add_word("");
  check(!arguments.has_nul());
}

TEST("a word longer than the kernel takes is seen") {
  for (const bool last : {false, true}) {
    ipc::Arguments arguments;
    arguments.add_word("cmd");
    arguments.add_word(std::string(ipc::kLongestArgument, 'x'));
    if (!last) arguments.add_word("more");
    check(!arguments.has_overlong());
    arguments.clear();
    arguments.add_word("cmd");
    arguments.add_word(std::string(ipc::kLongestArgument + 1, 'x'));
    if (!last) arguments.add_word("more");
    check(arguments.has_overlong());
  }
}
