#pragma once
/// --halt: when enough jobs have failed, succeeded or ended, the pool stops.

#include <cstdint>
#include <string>
#include <string_view>

struct HaltRule {
  enum class When { never, soon, now };
  enum class What { fail, success, done };

  When when = When::never;
  What what = What::fail;
  std::uint64_t threshold = 0;  ///< a number of jobs, or a percentage of those finished so far
  bool percent = false;

  /// now|soon,fail|success|done=N|N%. Throws BadValue.
  [[nodiscard]] static HaltRule parse(std::string_view text);

  /// A percentage says nothing before ten jobs have finished, or all (`at_end`).
  [[nodiscard]] bool reached(std::uint64_t succeeded, std::uint64_t failed, bool at_end) const noexcept;
  /// "fail=3", "success=50%"
  [[nodiscard]] std::string condition() const;
};
