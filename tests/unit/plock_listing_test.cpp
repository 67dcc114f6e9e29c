#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "child.hpp"
#include "ipc/json.hpp"
#include "ipc/processes.hpp"
#include "latch.hpp"
#include "listing.hpp"
#include "tap.hpp"

namespace {

/// Has become sleep(1) with `word` as its name.
Child named(const std::string& word) {
  Latch executed;  // is closed by it
  Child child([&] {
    ::execl("/bin/sleep", word.c_str(), "1000", nullptr);
    return 1;
  });
  check(!executed.wait());
  return child;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    require(end != std::string::npos, "every line is whole");
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// A row of nobody known.
ListingRow row_of(std::string lock) { return {0, "X", std::nullopt, "held", std::move(lock)}; }

std::string table_cell(const std::string& lock) {
  Listing listing;
  listing.add(row_of(lock));
  const auto lines = lines_of(listing.table());
  require(lines.size() == 2);
  const auto column = lines[0].find("LOCK");
  const std::string cell = lines[1].substr(column, lines[1].rfind("  ") - column);
  return cell.substr(0, cell.find_last_not_of(' ') + 1);
}

std::string since_cell(std::int64_t since) {
  Listing listing;
  listing.add({0, "X", since, "held", "l"});
  const auto lines = lines_of(listing.table());
  require(lines.size() == 2);
  const auto column = lines[0].find("SINCE");
  return lines[1].substr(column, lines[1].find(' ', column) - column);
}

}  // namespace

TEST("without a row the table is empty, and the list is one") {
  const Listing none;
  check_equal(none.table(), "");
  check_equal(none.json(), "[]\n");
}

TEST("a table has a heading, and columns as wide as their widest cell") {
  const Child one = named("one");
  Listing listing;
  listing.add({one.pid(), "X", 1763748979, "held", "./a/long/path"});
  listing.add({0, "sem", std::nullopt, "waits", "S"});
  const std::string pid = std::to_string(one.pid());
  const std::string rest(pid.size() > 3 ? pid.size() - 3 : 0, ' ');
  const std::string width(std::max<std::size_t>(pid.size(), 3) - 1, ' ');
  check_equal(listing.table(), "PID" + rest +
                                   "  MODE  SINCE                 STATE  LOCK           COMMAND\n" + pid +
                                   "  X     2025-11-21T18:16:19Z  held   ./a/long/path  one 1000\n" + "-" +
                                   width + "  sem   -                     waits  S              -\n");
}

TEST("the list has one object for each row, with the names of the columns in lower case") {
  const Child one = named("one");
  Listing listing;
  listing.add({one.pid(), "S", 1763748979, "held", "./a"});
  listing.add({0, "sem", std::nullopt, "waits", "b"});
  check_equal(
      listing.json(),
      "[{\"pid\":" + std::to_string(one.pid()) +
          R"(,"mode":"S","since":"2025-11-21T18:16:19Z","state":"held","lock":"./a","command":"one 1000"})" +
          ",\n " + R"({"pid":null,"mode":"sem","since":null,"state":"waits","lock":"b","command":null}])" +
          "\n");
}

TEST("times are in UTC, whatever the day") {
  check_equal(since_cell(0), "1970-01-01T00:00:00Z");
  check_equal(since_cell(951782399), "2000-02-28T23:59:59Z");
  check_equal(since_cell(951782400), "2000-02-29T00:00:00Z");
  check_equal(since_cell(2147483648), "2038-01-19T03:14:08Z");
  check_equal(since_cell(253402300799), "9999-12-31T23:59:59Z");
}

TEST("a time that cannot be is unknown: it comes from other processes") {
  for (const std::int64_t since : {std::int64_t{-1}, std::int64_t{253402300800}, INT64_MIN, INT64_MAX}) {
    check_equal(since_cell(since), "-");
    Listing listing;
    listing.add({0, "X", since, "held", "l"});
    check(listing.json().find("\"since\":null") != std::string::npos);
  }
}

TEST("a hostile name stays in its cell: control bytes are '?'") {
  check_equal(table_cell("plain"), "plain");
  check_equal(table_cell("a\nb"), "a?b");
  check_equal(table_cell("\x1B[31mred\x1B[0m"), "?[31mred?[0m");
  check_equal(table_cell("a\tb\rc\x7F"), "a?b?c?");
  check_equal(table_cell("a\xC2\x9B"
                         "31m\xC2\x80\xC2\x9F"),
              "a?31m??", "those of two bytes, too");
  check_equal(table_cell("\xC2\xA0\xC3\x9B\xE2\x82\xAC"), "\xC2\xA0\xC3\x9B\xE2\x82\xAC", "letters stay");
  check_equal(table_cell(""), "-");
}

TEST("a hostile command line stays in its line, and is whole in the list") {
  const std::string word = "a \"b\"\n\x1B[2J\\\xFF";
  const Child child = named(word);
  Listing listing;
  listing.add({child.pid(), "X", std::nullopt, "held", "l"});
  const auto lines = lines_of(listing.table());
  require(lines.size() == 2);
  check(lines[1].ends_with("  a \"b\"??[2J\\\xFF 1000"), lines[1]);
  check(listing.json().find("\"command\":" + ipc::json_string(word + " 1000") + "}]") != std::string::npos);
}

TEST("a process that is gone has no command") {
  Child child = named("one");
  const pid_t pid = child.pid();
  ::kill(pid, SIGKILL);
  (void)child.wait();
  Listing listing;
  listing.add({pid, "X", std::nullopt, "held", "l"});
  check(listing.table().ends_with("  l     -\n"));
  check(listing.json().find("\"command\":null") != std::string::npos);
}
