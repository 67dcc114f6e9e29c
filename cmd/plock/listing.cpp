#include "listing.hpp"

#include <algorithm>
#include <array>

#include "ipc/diagnostics.hpp"
#include "ipc/json.hpp"
#include "ipc/processes.hpp"
#include "ipc/utc_text.hpp"

namespace {

constexpr std::size_t kColumns = 6;
using Cells = std::array<std::string, kColumns>;

std::string command_of(const ListingRow& row) {
  return row.pid == 0 ? std::string() : ipc::command_line_of(row.pid);
}

std::string since_text(const ListingRow& row) {
  return row.since ? ipc::utc_text(*row.since) : std::string();
}

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
