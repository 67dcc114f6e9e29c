#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include "environment.hpp"
#include "tap.hpp"

namespace {

using Additions = std::vector<std::pair<std::string, std::string>>;

/// Every entry, and how often its name is there.
struct Entries {
  std::map<std::string, std::string> values;
  std::map<std::string, int> counts;

  explicit Entries(const Environment& environment) {
    for (char* const* entry = environment.envp(); *entry != nullptr; ++entry) {
      const std::string text = *entry;
      const std::string name = text.substr(0, text.find('='));
      values[name] = text.substr(name.size() + 1);
      ++counts[name];
    }
  }
};

}  // namespace

TEST("jobs get the environment of ppool, and their own numbers") {
  ::setenv("UNIT_TEST", "a=b c", 1);
  Environment environment({});
  environment.set_job(17, 3);
  const Entries entries(environment);
  check_equal(entries.values.at("UNIT_TEST"), "a=b c");
  check_equal(entries.values.at("PATH"), std::string(std::getenv("PATH")));
  check_equal(entries.values.at("PPOOL_SEQ"), "17");
  check_equal(entries.values.at("PPOOL_SLOT"), "3");
  check_equal(entries.values.at("PPOOL_PID"), std::to_string(::getpid()));
  environment.set_job(18446744073709551615U, 65536);
  const Entries later(environment);
  check_equal(later.values.at("PPOOL_SEQ"), "18446744073709551615");
  check_equal(later.values.at("PPOOL_SLOT"), "65536");
}

TEST("additions come in, and take the place of what was there") {
  ::setenv("UNIT_TEST", "old", 1);
  Environment environment(
      {{"UNIT_TEST", "new"}, {"UNIT_MORE", ""}, {"UNIT_EQUALS", "=x="}, {"UNIT_MORE", "last"}});
  const Entries entries(environment);
  check_equal(entries.values.at("UNIT_TEST"), "new");
  check_equal(entries.values.at("UNIT_MORE"), "last");
  check_equal(entries.values.at("UNIT_EQUALS"), "=x=");
  for (const auto& [name, count] : entries.counts) check_equal(count, 1, name);
}

TEST("many additions stay where they were put") {
  std::vector<std::pair<std::string, std::string>> additions;
  for (int i = 0; i < 1000; ++i) additions.emplace_back("UNIT_" + std::to_string(i), std::to_string(i));
  const Environment environment(additions);
  const Entries entries(environment);
  for (const auto& [name, value] : additions) check_equal(entries.values.at(name), value);
}

TEST("a name is no beginning of another") {
  ::setenv("UNIT_LONGER", "kept", 1);
  const Environment environment(Additions{{"UNIT_LONG", "added"}});
  check_equal(std::string(environment.find("UNIT_LONGER")), "kept");
  check_equal(std::string(environment.find("UNIT_LONG")), "added");
  check(environment.find("UNIT_LON") == nullptr);
  check(environment.find("") == nullptr);
}

TEST("ppool's own numbers cannot be overridden, from inside or outside") {
  ::setenv("PPOOL_SEQ", "outer", 1);
  Environment environment(Additions{{"PPOOL_SLOT", "mine"}});
  environment.set_job(5, 2);
  const Entries entries(environment);
  check_equal(entries.values.at("PPOOL_SEQ"), "5");
  check_equal(entries.values.at("PPOOL_SLOT"), "2");
  check_equal(entries.counts.at("PPOOL_SEQ"), 1);
  check_equal(entries.counts.at("PPOOL_SLOT"), 1);
  ::unsetenv("PPOOL_SEQ");
}

TEST("its size is what the kernel counts") {
  Environment environment(Additions{{"UNIT_SIZE", "1234"}});
  std::size_t sum = 0;
  for (char* const* entry = environment.envp(); *entry != nullptr; ++entry)
    sum += std::strlen(*entry) + 1 + sizeof(char*);
  check_equal(environment.bytes(), sum);
}

TEST("an empty environment is a start as good as any") {
  char** before = environ;
  char* none[] = {nullptr};
  environ = none;
  const Environment environment(Additions{{"UNIT_ONLY", "x"}});
  environ = before;
  check_equal(Entries(environment).counts.size(), 4U);
}
