#include "ipc/cut.hpp"

#include <string>
#include <vector>

#include "tap.hpp"

namespace {

using Parts = std::vector<std::string>;

Parts parts_of(std::string_view text, char separator) {
  Parts parts;
  while (!text.empty()) parts.emplace_back(ipc::cut(text, separator));
  return parts;
}

}  // namespace

TEST("the part before the separator is taken, and the separator with it") {
  std::string_view text = "a bc d";
  check_equal(ipc::cut(text, ' '), "a");
  check_equal(text, "bc d");
}

TEST("without a separator all of it is taken, and of nothing, nothing") {
  std::string_view text = "abc";
  check_equal(ipc::cut(text, ' '), "abc");
  check_equal(text, "");
  check_equal(ipc::cut(text, ' '), "");
  check_equal(text, "");
}

TEST("empty parts are parts, but for the one after a last separator") {
  check(parts_of("", ':').empty());
  check(parts_of(":", ':') == Parts{""});
  check(parts_of("::a", ':') == Parts{"", "", "a"});
  check(parts_of("a::b:", ':') == Parts{"a", "", "b"});
  check(parts_of(std::string_view("a\0b\0", 4), '\0') == Parts{"a", "b"});
}
