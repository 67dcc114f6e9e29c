#include <cstring>
#include <map>

#include "run_environment.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

/// The values of every name that begins with PQUEUE_ or is UNIT_TEST; a name that is there twice has two.
std::multimap<std::string, std::string> entries(const CommandEnvironment& environment) {
  std::multimap<std::string, std::string> found;
  for (char* const* entry = environment.envp(); *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (name.starts_with("PQUEUE_") || name == "UNIT_TEST") found.emplace(name, text.substr(name.size() + 1));
  }
  return found;
}

std::string value(const CommandEnvironment& environment, const std::string& name) {
  const auto found = entries(environment);
  check_equal(found.count(name), 1U, name);
  return found.count(name) == 1 ? found.find(name)->second : "";
}

}  // namespace

TEST("COMMAND gets pqueue's environment, and four names of its message") {
  const Variable inherited("UNIT_TEST", "a=b c");
  CommandEnvironment environment("./some/queue");
  environment.set_message(17, 3, "5-12");
  check_equal(value(environment, "UNIT_TEST"), "a=b c");
  check_equal(value(environment, "PQUEUE_NAME"), "./some/queue");
  check_equal(value(environment, "PQUEUE_ID"), "17");
  check_equal(value(environment, "PQUEUE_ATTEMPT"), "3");
  check_equal(value(environment, "PQUEUE_LEASE"), "5-12");
}

TEST("of a message before it nothing stays, however long its values were") {
  CommandEnvironment environment("q");
  environment.set_message(18446744073709551615U, 4000000000U, std::string(100, '7'));
  environment.set_message(1, 1, "1");
  check_equal(value(environment, "PQUEUE_ID"), "1");
  check_equal(value(environment, "PQUEUE_ATTEMPT"), "1");
  check_equal(value(environment, "PQUEUE_LEASE"), "1");
  environment.set_message(2, 2, std::string(300, '8'));
  check_equal(value(environment, "PQUEUE_LEASE"), std::string(300, '8'));
}

TEST("inside the COMMAND of another pqueue, its names are replaced") {
  const Variable id("PQUEUE_ID", "99");
  const Variable name("PQUEUE_NAME", "outer");
  const Variable lease("PQUEUE_LEASE", "9-9");
  const Variable other("PQUEUE_IDLE", "kept");
  CommandEnvironment environment("inner");
  environment.set_message(1, 1, "1-1");
  check_equal(value(environment, "PQUEUE_ID"), "1");
  check_equal(value(environment, "PQUEUE_NAME"), "inner");
  check_equal(value(environment, "PQUEUE_LEASE"), "1-1");
  check_equal(value(environment, "PQUEUE_IDLE"), "kept");
}
