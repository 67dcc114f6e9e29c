#include "obtain.hpp"

#include <algorithm>
#include <cerrno>

#include "holders.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "report.hpp"

namespace {

std::string held_by(ipc::FileId file) {
  const std::string holders = describe(holders_of(file));
  return holders.empty() ? holders : "held by " + holders;
}

/// A wait that is too short to be felt. Nothing also when there is no timer for it (RLIMIT_SIGPENDING).
std::optional<ipc::FileLock> lock_soon(LockFile& file, ipc::Deadline deadline) {
  try {
    return file.lock(std::min(deadline, ipc::Deadline::after(kPatience)));
  } catch (const ipc::Error& error) {
    if (error.errnum() != EAGAIN) throw;
    return std::nullopt;
  }
}

/// A lock that the ones who wait for us hold never comes free.
bool is_hopeless(const Config& config, ipc::FileId file) {
  if (config.as_flock()) return false;
  const auto ancestor = ancestor_holding(file, config.mode);
  if (!ancestor) return false;
  say(config, "held by " + describe(*ancestor) + ", an ancestor: waiting would never end (see -r)");
  return true;
}

Obtained wait(const Config& config, LockFile& file, ipc::Deadline deadline) {
  for (;;) {
    auto lock = lock_soon(file, deadline);
    if (!lock && is_hopeless(config, file.id())) return {std::nullopt, ipc::kExitToolFailed};
    if (!lock) lock = file.lock(deadline);
    if (!lock) return {std::nullopt, not_obtained(config, held_by(file.id()))};
    if (file.is_current()) return {std::move(lock)};
    // Removed or replaced while we waited: others lock the new one.
    lock.reset();
    file.open_again();
    if (auto at_once = file.try_lock()) return {std::move(at_once)};
  }
}

}  // namespace

ipc::Deadline deadline_of(const Config& config) {
  return config.wait ? ipc::Deadline::after(*config.wait) : ipc::Deadline::never();
}

int not_obtained(const Config& config, const std::string& detail) {
  const bool waited = config.wait != ipc::Duration::zero();
  const bool silent = config.as_flock() && !config.verbose;
  if (!silent) say(config, (waited ? "timed out" : "busy") + (detail.empty() ? detail : ", " + detail));
  if (config.conflict_status) return *config.conflict_status;
  return waited && !config.as_flock() ? ipc::kExitTimeout : ipc::kExitNo;
}

Obtained obtain(const Config& config, LockFile& file) {
  const ipc::Deadline deadline = deadline_of(config);
  if (auto lock = file.try_lock()) return {std::move(lock)};
  if (config.wait == ipc::Duration::zero()) return {std::nullopt, not_obtained(config, held_by(file.id()))};
  if (config.verbose) {
    const std::string holders = describe(holders_of(file.id()));
    say(config, holders.empty() ? "waits" : "waits for " + holders);
  }
  return wait(config, file, deadline);
}
