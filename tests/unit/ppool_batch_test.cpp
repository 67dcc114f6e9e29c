#include <unistd.h>

#include <deque>

#include "batch.hpp"
#include "ipc/arguments.hpp"
#include "tap.hpp"

namespace {

using State = Source::State;
using Words = std::vector<std::string>;

/// Gives what it was told to; counts how often it was asked.
class Script final : public Source {
 public:
  Script() = default;
  explicit Script(const Words& records) {
    for (const auto& record : records) add(record);
    end();
  }
  void add(const std::string& record, bool too_long = false) {
    steps_.push_back({State::record, {{record}, too_long}});
  }
  void add_fields(Words fields) { steps_.push_back({State::record, {std::move(fields), false}}); }
  void wait() { steps_.push_back({State::pending, {}}); }
  void end() { steps_.push_back({State::end, {}}); }

  State next(Record& record) override {
    ++asked;
    require(!steps_.empty(), "it is not asked for more than is due");
    const auto [state, given] = steps_.front();
    if (state != State::end) steps_.pop_front();  // which stays
    if (state == State::record) record = given;
    return state;
  }
  [[nodiscard]] int descriptor() const noexcept override { return -1; }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept override { return std::nullopt; }

  std::size_t asked = 0;

 private:
  std::deque<std::pair<State, Record>> steps_;
};

std::string shown(const JobInput& input) {
  std::string text;
  for (const auto& field : input.fields) {
    text += '[' + (field.size() > 20 ? std::to_string(field.size()) : field) + ']';
  }
  if (input.unfit == Unfit::nul_byte) text += "NUL";
  if (input.unfit == Unfit::too_long) text += "LONG";
  return text;
}

/// All jobs until the end or until it is pending, a bar behind each.
std::string all_of(Batcher& batcher) {
  std::string text;
  JobInput input;
  for (;;) {
    const State state = batcher.next(input);
    if (state == State::pending) return text + "...";
    if (state == State::end) return text;
    text += shown(input) + '|';
  }
}

std::string all_of(Source& source, const Config& config, std::size_t fixed_bytes = 0) {
  Batcher batcher(source, config, fixed_bytes, 1);
  return all_of(batcher);
}

Config of_many(std::uint64_t count) {
  Config config;
  config.max_records = count;
  return config;
}

Config fitting() {
  Config config;
  config.fit = true;
  return config;
}

}  // namespace

TEST("one record a job") {
  Script source({"a", "", "b c"});
  check_equal(all_of(source, {}), "[a]|[]|[b c]|");
}

TEST("a job is there before another record is asked for") {
  Script source;
  source.add("a");
  Batcher batcher(source, {}, 0, 1);
  JobInput input;
  check(batcher.next(input) == State::record);
  check_equal(shown(input), "[a]");
  check_equal(source.asked, 1U);
  Script more;
  more.add("a");
  more.add("b");
  Batcher two(more, of_many(2), 0, 1);
  check(two.next(input) == State::record);
  check_equal(shown(input), "[a][b]");
  check_equal(more.asked, 2U);
}

TEST("many empty records in a row are skipped in turns") {
  Config config;
  config.skip_empty = true;
  Script source(Words(2500, ""));
  Batcher batcher(source, config, 0, 1);
  JobInput input;
  check(batcher.next(input) == State::busy);
  check(batcher.next(input) == State::busy);
  check(batcher.next(input) == State::end);
}

TEST("empty records are skipped where that was asked") {
  Config config;
  config.skip_empty = true;
  Script source({"", "a", "", "", "b", ""});
  Batcher batcher(source, config, 0, 1);
  check_equal(all_of(batcher), "[a]|[b]|");
  Script groups;
  groups.add_fields({"", ""});
  groups.add_fields({"", "x"});
  groups.end();
  config.groups = {{""}, {"", "x"}};
  check_equal(all_of(groups, config), "[][x]|", "all of its fields are empty");
}

TEST("-N: up to so many records, the rest at the end") {
  Script source({"a", "b", "c", "d", "e"});
  Batcher batcher(source, of_many(2), 0, 1);
  check_equal(all_of(batcher), "[a][b]|[c][d]|[e]|");
  Script exact({"a", "b"});
  check_equal(all_of(exact, of_many(2)), "[a][b]|");
  Script one({"a", "b"});
  check_equal(all_of(one, of_many(1)), "[a]|[b]|");
  Script none(Words{});
  check_equal(all_of(none, of_many(3)), "");
}

TEST("-N: an incomplete job waits for more records and loses none") {
  Script source;
  source.add("a");
  source.wait();
  source.add("b");
  source.wait();
  source.wait();
  source.add("c");
  source.add("d");
  source.end();
  Batcher batcher(source, of_many(3), 0, 1);
  check_equal(all_of(batcher), "...");
  check_equal(all_of(batcher), "...");
  check_equal(all_of(batcher), "...");
  check_equal(all_of(batcher), "[a][b][c]|[d]|");
}

TEST("the fields of several groups are one job") {
  Script source;
  source.add_fields({"a", "1"});
  source.add_fields({"a", "2"});
  source.end();
  Config config;
  config.groups = {{"a"}, {"1", "2"}};
  check_equal(all_of(source, config), "[a][1]|[a][2]|");
}

TEST("what can never be an argument is a job of its own, that says why") {
  const std::string longest(ipc::kLongestArgument, 'x');
  const std::string nul("a\0b", 3);
  Script source;
  source.add(longest);
  source.add(longest + "x");
  source.add(nul);
  source.add("cut", true);
  source.add("good");
  source.end();
  check_equal(all_of(source, {}), "[131071]|[131072]LONG|[" + nul + "]NUL|[cut]LONG|[good]|");
}

TEST("-N: it comes after those before it, and the others go on") {
  const std::string nul("\0", 1);
  Script source({"a", nul, "b", "c", "d", nul});
  Batcher batcher(source, of_many(3), 0, 1);
  check_equal(all_of(batcher), "[a]|[" + nul + "]NUL|[b][c][d]|[" + nul + "]NUL|");
}

TEST("a NUL is only seen where lines may hold one; columns may be short where the record is long") {
  Config nul_delimited;
  nul_delimited.delimiter = std::string(1, '\0');
  Script source({"a"});
  check_equal(all_of(source, nul_delimited), "[a]|");
  Config columns;
  columns.separator = ",";
  Script long_ones({std::string(200'000, 'x')});
  check_equal(all_of(long_ones, columns), "[200000]|");
}

TEST("-X: as many records as fit in the system's limit") {
  const auto limit = static_cast<std::size_t>(::sysconf(_SC_ARG_MAX));
  const std::size_t fixed = limit - 4096 - 10 * (1000 + 1 + sizeof(char*));
  Script source;
  for (int i = 0; i < 25; ++i) source.add(std::string(1000, 'x'));
  source.end();
  Batcher batcher(source, fitting(), fixed, 1);
  JobInput input;
  Words sizes;
  while (batcher.next(input) == State::record) sizes.push_back(std::to_string(input.fields.size()));
  check(sizes == Words{"10", "10", "5"}, sizes.empty() ? "" : sizes.front());
}

TEST("-X: empty records cost their NUL and their pointer, too") {
  const auto limit = static_cast<std::size_t>(::sysconf(_SC_ARG_MAX));
  Script source;
  for (int i = 0; i < 30; ++i) source.add("");
  source.end();
  Batcher batcher(source, fitting(), limit - 4096 - 20 * (1 + sizeof(char*)), 1);
  JobInput input;
  check(batcher.next(input) == State::record);
  check_equal(input.fields.size(), 20U);
}

TEST("-X: one record goes out even where nothing should fit") {
  const auto limit = static_cast<std::size_t>(::sysconf(_SC_ARG_MAX));
  Script source({"aaaa", "bbbb"});
  check_equal(all_of(source, fitting(), limit), "[aaaa]|[bbbb]|");
  Script overflow({"aaaa", "bbbb"});
  check_equal(all_of(overflow, fitting(), limit + 100'000), "[aaaa]|[bbbb]|");
}

TEST("-X: all that fits goes out at the end of the input, not before") {
  Script source;
  source.add("a");
  source.add("b");
  source.wait();
  source.add("c");
  source.end();
  Batcher batcher(source, fitting(), 0, 1);
  check_equal(all_of(batcher), "...");
  check_equal(all_of(batcher), "[a][b][c]|");
}
