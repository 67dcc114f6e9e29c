/// -l: a row for each lock that is held and for each process that waits for one.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "actions.hpp"
#include "heirloom.hpp"
#include "holders.hpp"
#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/file_id.hpp"
#include "ipc/io.hpp"
#include "ipc/lock_table.hpp"
#include "ipc/name.hpp"
#include "ipc/processes.hpp"
#include "ipc/semaphore_file.hpp"
#include "listing.hpp"
#include "lock_file.hpp"
#include "permits.hpp"

namespace {

using Mode = ipc::FileLock::Mode;

const char* mode_text(Mode mode) { return mode == Mode::exclusive ? "X" : "S"; }

/// Everything that holds a flock(2) lock, found once for the whole listing.
std::vector<ipc::LockHolder> all_locks() {
  std::vector<ipc::LockHolder> locks;
  for (const pid_t pid : ipc::all_processes()) {
    for (auto& lock : ipc::locks_of(pid)) locks.push_back(std::move(lock));
  }
  return locks;
}

/// When the lock was got, by the entry that one of its holders has in its environment.
std::optional<std::int64_t> since(const std::vector<ipc::LockHolder>& holders, const ipc::LockHolder& of) {
  for (const auto& holder : holders) {
    if (holder.taken_by != of.taken_by || holder.mode != of.mode) continue;
    const auto text = ipc::initial_variable_of(holder.pid, kHeirlooms);
    for (const Heirloom& heirloom : parse_heirlooms(text.value_or(""))) {
      if (heirloom.file == of.file && heirloom.fd == holder.fd) return heirloom.since;
    }
  }
  return std::nullopt;
}

/// The kernel's record is still there.
bool is_recorded(const ipc::LockHolder& record, const std::vector<std::string>& ids) {
  return is_among(record, ipc::lock_records(record.file, ids).holders);
}

/// The recorded holders that are not among those seen; ones that have come since then are added to `seen`.
/// One of which not even the process is known has 0 for it.
std::vector<ipc::LockHolder> hidden_holders(const std::vector<ipc::LockHolder>& records,
                                            const std::vector<std::string>& ids,
                                            std::vector<ipc::LockHolder>& seen) {
  std::vector<ipc::LockHolder> hidden;
  for (const auto& record : records) {
    if (is_among(record, seen)) continue;
    const bool hides = is_hidden(record);
    auto newer = ipc::holders_among({record.pid}, record.file);
    if (newer.empty() && !hides) newer = ipc::holders_among(ipc::all_processes(), record.file);
    std::ranges::move(newer, std::back_inserter(seen));
    if (is_among(record, seen)) continue;
    // One that is there and shows no such lock is just ending: its files are closed before its locks are gone.
    if (!hides && (ipc::facts_of(record.pid) || !is_recorded(record, ids))) continue;
    hidden.push_back(record);
    if (!hides) hidden.back().pid = 0;
  }
  return hidden;
}

void add_lock(Listing& listing, const std::string& shown, const std::string& path,
              const std::vector<ipc::LockHolder>& locks) {
  const auto file = ipc::file_id(path);
  if (!file && errno == ENOENT) return;
  if (!file) ipc::throw_errno("", path);
  std::vector<ipc::LockHolder> holders;
  std::vector<std::string> ids;
  for (const auto& lock : locks) {
    if (lock.file != *file) continue;
    holders.push_back(lock);
    ids.push_back(lock.kernel_id);
  }
  const auto records = ipc::lock_records(*file, ids);
  const auto hidden = hidden_holders(records.holders, ids, holders);
  auto shown_holders = representatives(holders);
  std::ranges::copy(hidden, std::back_inserter(shown_holders));
  for (const auto& holder : shown_holders)
    listing.add({holder.pid, mode_text(holder.mode), since(holders, holder), "held", shown});
  for (const auto& waiter : records.waiters)
    listing.add({waiter.pid, mode_text(waiter.mode), std::nullopt, "waits", shown});
}

/// None of a file that is no semaphore or not ours to read: a path may be a lock's.
std::vector<ipc::Roster::Entry> users_of(const std::string& path) {
  try {
    return ipc::SemaphoreFile::users_at(path).value_or(std::vector<ipc::Roster::Entry>());
  } catch (const ipc::BadValue&) {
    return {};
  } catch (const ipc::Error& error) {
    if (error.errnum() != EACCES) throw;
    return {};
  }
}

void add_semaphore(Listing& listing, const std::string& shown, const std::string& path) {
  for (const auto& user : users_of(path)) {
    const bool holds = user.state == ipc::Roster::State::holds;
    listing.add({user.pid, "sem", user.since, holds ? "held" : "waits", shown});
  }
}

/// The names in the runtime directory with `suffix`, which they lose, sorted.
std::vector<std::string> names_in(const std::string& directory, std::string_view suffix) {
  auto names = ipc::names_in(directory);
  if (!names) ipc::throw_errno("", directory);
  std::erase_if(*names, [&](const std::string& name) { return !name.ends_with(suffix); });
  for (auto& name : *names) name.resize(name.size() - suffix.size());
  std::ranges::sort(*names);
  return std::move(*names);
}

/// What cannot be looked at is told, and the rest listed.
template <class Add>
void add_each(const Config& config, const std::string& directory, std::string_view suffix, Add add) {
  for (const auto& name : names_in(directory, suffix)) {
    try {
      add(name, directory + "/" + name + std::string(suffix));
    } catch (const ipc::Error& error) {
      ipc::complain(config.tool(), error.what());
    }
  }
}

void add_all(Listing& listing, const Config& config, const std::vector<ipc::LockHolder>& locks) {
  const std::string directory = ipc::runtime_directory();
  add_each(config, directory, ".lock",
           [&](const std::string& name, const std::string& path) { add_lock(listing, name, path, locks); });
  add_each(config, directory, ".sem",
           [&](const std::string& name, const std::string& path) { add_semaphore(listing, name, path); });
}

void add_one(Listing& listing, const Config& config, const std::vector<ipc::LockHolder>& locks) {
  const std::string lock = lock_path(config);
  const std::string semaphore = semaphore_path(config);
  if (!ipc::file_id(lock) && !ipc::file_id(semaphore))
    throw ipc::BadValue(config.lock + ": no such lock or semaphore");
  add_lock(listing, config.lock, lock, locks);
  add_semaphore(listing, config.lock, semaphore);
}

}  // namespace

int list_locks(const Config& config) {
  Listing listing;
  const auto locks = all_locks();
  if (config.lock.empty()) {
    add_all(listing, config, locks);
  } else {
    add_one(listing, config, locks);
  }
  const int errnum = ipc::write_all(STDOUT_FILENO, config.json ? listing.json() : listing.table());
  if (errnum != 0) throw ipc::Error(errnum, "", "stdout");
  return ipc::kExitSuccess;
}
