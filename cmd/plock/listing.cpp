#include "listing.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "ipc/diagnostics.hpp"
#include "ipc/json.hpp"
#include "ipc/processes.hpp"

namespace {

constexpr std::size_t kColumns = 6;
using Cells = std::array<std::string, kColumns>;

/// `number` with leading zeros.
std::string padded(int number, std::size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

/// ISO 8601, in UTC: the same on every machine, and in every season.
std::string utc_text(std::int64_t since) {
  constexpr std::int64_t kEnd =
      253402300800;  // of the year 9999; it comes from another process's environment
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

std::string command_of(const ListingRow& row) {
  return row.pid == 0 ? std::string() : ipc::command_line_of(row.pid);
}

std::string since_text(const ListingRow& row) { return row.since ? utc_text(*row.since) : std::string(); }

std::string cell(const std::string& text) { return text.empty() ? "-" : ipc::printable(text); }

std::string json_or_null(const std::string& text) { return text.empty() ? "null" : ipc::json_string(text); }

}  // namespace

std::string Listing::table() const {
  if (rows_.empty()) return {};
  std::vector<Cells> lines = {{"PID", "MODE", "SINCE", "STATE", "LOCK", "COMMAND"}};
  for (const auto& row : rows_) {
    lines.push_back({row.pid == 0 ? "-" : std::to_string(row.pid), row.mode, cell(since_text(row)), row.state,
                     cell(row.lock), cell(command_of(row))});
  }
  std::array<std::size_t, kColumns> width{};
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) width[i] = std::max(width[i], line[i].size());
  }
  std::string text;
  for (const Cells& line : lines) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i)
      text += line[i] + std::string(width[i] - line[i].size() + 2, ' ');
    text += line.back() + '\n';
  }
  return text;
}

std::string Listing::json() const {
  std::string text = "[";
  for (const auto& row : rows_) {
    text += text.size() > 1 ? ",\n " : "";
    text += "{\"pid\":" + (row.pid == 0 ? "null" : std::to_string(row.pid)) +
            ",\"mode\":" + ipc::json_string(row.mode) + ",\"since\":" + json_or_null(since_text(row)) +
            ",\"state\":" + ipc::json_string(row.state) + ",\"lock\":" + ipc::json_string(row.lock) +
            ",\"command\":" + json_or_null(command_of(row)) + "}";
  }
  return text + "]\n";
}
