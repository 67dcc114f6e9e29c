#include "ipc/duration.hpp"

#include <cstdint>
#include <cstdio>

#include "ipc/error.hpp"

namespace ipc {
namespace {

constexpr const char* kNotADuration = "not a time (5, 0.25, 250ms, 10s, 5m, 2h, 1d)";

std::int64_t unit_in_nanoseconds(std::string_view unit) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (unit.empty() || unit == "s") return kSecond;
  if (unit == "ms") return kSecond / 1000;
  if (unit == "m") return 60 * kSecond;
  if (unit == "h") return 3600 * kSecond;
  if (unit == "d") return 86400 * kSecond;
  throw BadValue(kNotADuration);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Duration parse_duration(std::string_view text) {
  std::size_t at = 0;
  std::int64_t whole = 0;
  bool overflow = false;
  while (at < text.size() && is_digit(text[at])) {
    overflow |= __builtin_mul_overflow(whole, 10, &whole);
    overflow |= __builtin_add_overflow(whole, text[at++] - '0', &whole);
  }
  bool has_digits = at > 0;
  std::string_view fraction;
  if (at < text.size() && text[at] == '.') {
    const std::size_t from = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    fraction = text.substr(from, at - from);
    has_digits |= !fraction.empty();
  }
  if (!has_digits) throw BadValue(kNotADuration);
  const std::int64_t unit = unit_in_nanoseconds(text.substr(at));
  std::int64_t total = 0;
  overflow |= __builtin_mul_overflow(whole, unit, &total);
  std::int64_t scaled = 0;
  std::int64_t place = unit;
  for (const char digit : fraction.substr(0, 9)) {
    place /= 10;  // exact while it matters: every unit is a multiple of 10^6 ns
    scaled += (digit - '0') * place;
  }
  overflow |= __builtin_add_overflow(total, scaled, &total);
  if (overflow) throw BadValue("too long a time");
  return Duration(total);
}

Duration doubled(Duration span, unsigned times) noexcept {
  if (span == Duration::zero()) return span;
  std::int64_t product = 0;
  if (times > 62 || __builtin_mul_overflow(span.count(), std::int64_t{1} << times, &product)) {
    return Duration::max();
  }
  return Duration(product);
}

std::string seconds_text(Duration span) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(ms / 1000),
                static_cast<long long>(ms % 1000));
  return text;
}

}  // namespace ipc
