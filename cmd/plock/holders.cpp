#include "holders.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "ipc/processes.hpp"
#include "report.hpp"

std::vector<ipc::LockHolder> representatives(std::vector<ipc::LockHolder> holders) {
  const auto age_rank = [](const ipc::LockHolder& holder) {
    if (holder.pid == holder.taken_by) return std::uint64_t{0};
    const auto facts = ipc::facts_of(holder.pid);
    return facts ? facts->start + 1 : std::numeric_limits<std::uint64_t>::max();
  };
  std::vector<std::pair<std::uint64_t, ipc::LockHolder>> ranked;
  ranked.reserve(holders.size());
  for (auto& holder : holders) ranked.emplace_back(age_rank(holder), std::move(holder));
  std::ranges::stable_sort(ranked, {}, [](const auto& entry) {
    return std::tuple(entry.second.taken_by, entry.second.mode, entry.first, entry.second.pid);
  });
  std::vector<ipc::LockHolder> chosen;
  for (auto& [rank, holder] : ranked) {
    const bool same = !chosen.empty() && chosen.back().taken_by == holder.taken_by &&
                      chosen.back().mode == holder.mode && chosen.back().file == holder.file;
    if (!same) chosen.push_back(std::move(holder));
  }
  return chosen;
}

bool is_among(const ipc::LockHolder& record, const std::vector<ipc::LockHolder>& holders) {
  return std::ranges::find(holders, record.taken_by, &ipc::LockHolder::taken_by) != holders.end();
}

bool is_hidden(const ipc::LockHolder& record) {
  return ipc::facts_of(record.pid) && !ipc::shows_locks(record.pid);
}

std::vector<ipc::LockHolder> holders_of(ipc::FileId file) {
  const auto records = ipc::lock_records(file).holders;
  std::vector<pid_t> takers;
  takers.reserve(records.size());
  for (const auto& record : records) takers.push_back(record.pid);
  auto holders = representatives(ipc::holders_among(takers, file));
  if (holders.empty() || holders.size() < records.size())
    holders = representatives(ipc::holders_among(ipc::all_processes(), file));
  // Another user's processes do not show their descriptors.
  for (const auto& record : records) {
    if (!is_among(record, holders) && is_hidden(record)) holders.push_back(record);
  }
  return holders;
}

std::string describe(const std::vector<ipc::LockHolder>& holders) {
  if (holders.empty()) return {};
  std::string text = describe(holders.front().pid);
  if (holders.size() > 1) text += " and " + std::to_string(holders.size() - 1) + " more";
  return text;
}

std::optional<pid_t> ancestor_holding(ipc::FileId file, ipc::FileLock::Mode mode) {
  std::optional<pid_t> found;
  const auto line = ipc::own_line();
  auto holders = ipc::holders_among(line, file);
  // An ancestor that is another user's does not show its descriptors.
  for (const auto& record : ipc::lock_records(file).holders) {
    if (std::ranges::find(line, record.pid) != line.end() && is_hidden(record)) holders.push_back(record);
  }
  for (const auto& holder : holders) {
    const auto exclusive = ipc::FileLock::Mode::exclusive;
    if (mode == exclusive || holder.mode == exclusive) found = holder.pid;
  }
  return found;
}
