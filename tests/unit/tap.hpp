#pragma once
/// A test program in TAP (testanything.org): TEST("what holds") { check(...); check_equal(got, expected); }
/// Checks go on after a failure; require() ends its test, skip() too. Diagnostics appear when the test is over: it
/// may point its own stdout elsewhere meanwhile. What it forks must leave by _exit().

#include <algorithm>
#include <concepts>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnosis.hpp"

namespace tap {

struct Aborted {};
struct Skipped {
  std::string reason;
};

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test> tests;
inline std::vector<std::string> failures;  ///< of the present test
inline unsigned long checks = 0;

struct Registration {
  Registration(const char* name, void (*body)()) { tests.push_back({name, body}); }
};

inline bool note(bool good, const std::string& text, std::string_view what, const Here& at) {
  ++checks;
  if (good) return true;
  failures.push_back(std::string(at.file) + ':' + std::to_string(at.line) + ": " + printable(text));
  if (!what.empty()) failures.back() += " (" + printable(what) + ')';
  return false;
}

inline bool run(const Test& test, std::size_t number) {
  constexpr std::size_t kMost = 20;
  std::string remark;
  failures.clear();
  std::fflush(stdout);  // or a child could write it again
  try {
    test.body();
  } catch (const Aborted&) {  // it has been noted
  } catch (const Skipped& skipped) {
    remark = " # SKIP " + skipped.reason;
  } catch (const std::exception& error) {
    failures.push_back("threw: " + printable(error.what()));
  }
  const std::size_t count = failures.size();
  std::printf("%sok %zu - %s%s\n", count == 0 ? "" : "not ", number, test.name, remark.c_str());
  for (std::size_t i = 0; i < std::min(count, kMost); ++i) std::printf("# %s\n", failures[i].c_str());
  if (count > kMost) std::printf("# and %zu more\n", count - kMost);
  return count == 0;
}

}  // namespace tap

inline bool check(bool good, std::string_view what = {}, tap::Here at = tap::Here::current()) {
  return tap::note(good, "does not hold", what, at);
}

inline void require(bool good, std::string_view what = {}, tap::Here at = tap::Here::current()) {
  if (!tap::note(good, "does not hold; the rest is left out", what, at)) throw tap::Aborted{};
}

template <class Got, class Expected>
bool check_equal(const Got& got, const Expected& expected, std::string_view what = {},
                 tap::Here at = tap::Here::current()) {
  bool good = false;
  if constexpr (std::integral<Got> && std::integral<Expected> && !std::same_as<Got, bool>) {
    good = std::cmp_equal(got, expected);
  } else {
    good = got == expected;
  }
  return tap::note(good, good ? "" : "got " + tap::shown(got) + ", expected " + tap::shown(expected), what,
                   at);
}

/// The what() of the E that `body` throws.
template <class E, class Body>
std::string check_throws(Body&& body, std::string_view what = {}, tap::Here at = tap::Here::current()) {
  try {
    body();
  } catch (const E& error) {
    tap::note(true, "", what, at);
    return error.what();
  }
  tap::note(false, "threw nothing", what, at);
  return {};
}

[[noreturn]] inline void skip(std::string reason) { throw tap::Skipped{std::move(reason)}; }

#define TAP_JOIN(a, b) a##b
#define TAP_TEST(name, line)                                                                 \
  static void TAP_JOIN(test_, line)();                                                       \
  static const tap::Registration TAP_JOIN(registration_, line)(name, TAP_JOIN(test_, line)); \
  static void TAP_JOIN(test_, line)()
#define TEST(name) TAP_TEST(name, __LINE__)

int main() {
  bool all_good = true;
  std::printf("1..%zu\n", tap::tests.size());
  for (std::size_t i = 0; i < tap::tests.size(); ++i) all_good &= tap::run(tap::tests[i], i + 1);
  std::printf("# %lu checks\n", tap::checks);
  return all_good ? 0 : 1;
}
