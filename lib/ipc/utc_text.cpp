#include "ipc/utc_text.hpp"

#include <chrono>

namespace ipc {
namespace {

/// `number` with leading zeros.
std::string padded(int number, std::size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

}  // namespace

std::string utc_text(std::int64_t since) {
  constexpr std::int64_t kEnd = 253402300800;  // of the year 9999; what is told may come from anywhere
  if (since < 0 || since >= kEnd) return {};
  using namespace std::chrono;
  const sys_seconds time{seconds(since)};
  const auto midnight = floor<days>(time);
  const year_month_day date(midnight);
  const hh_mm_ss clock(time - midnight);
  const auto number = [](auto part) { return padded(static_cast<int>(static_cast<unsigned>(part)), 2); };
  return padded(static_cast<int>(date.year()), 4) + "-" + number(date.month()) + "-" + number(date.day()) +
         "T" + number(clock.hours().count()) + ":" + number(clock.minutes().count()) + ":" +
         number(clock.seconds().count()) + "Z";
}

}  // namespace ipc
