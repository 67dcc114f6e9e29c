#include "permits.hpp"

#include <algorithm>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/name.hpp"
#include "ipc/processes.hpp"
#include "obtain.hpp"

namespace {

using Outcome = ipc::Semaphore::Outcome;
using Keep = ipc::Semaphore::Keep;

std::optional<ipc::SemaphoreFile::Shape> shape_of(const Config& config, bool may_make) {
  if (!may_make) return std::nullopt;
  const int ceiling = config.ceiling.value_or(0);
  return ipc::SemaphoreFile::Shape{config.permits.value_or(ceiling), ceiling};
}

}  // namespace

std::string semaphore_path(const Config& config) { return ipc::object_path(config.lock, ".sem"); }

std::optional<Permits> Permits::open(const Config& config, bool may_make) {
  std::string path = semaphore_path(config);
  return named(config,
               [&]() -> std::optional<Permits> { return open_at(config, std::move(path), may_make); });
}

std::optional<Permits> Permits::open_at(const Config& config, const std::string& path, bool may_make) {
  for (;;) {
    auto file = ipc::SemaphoreFile::open(path, shape_of(config, may_make));
    if (!file) return std::nullopt;
    Permits permits(config, path, std::move(*file));
    const auto values = permits.file_.semaphore().values();
    if (!values) continue;  // removed meanwhile
    permits.check(*values);
    if (!config.resize || values->limit == *config.permits) return permits;
    if (permits.file_.resize(*config.permits) == Outcome::done) return permits;
  }
}

void Permits::check(const ipc::Semaphore::Values& values) const {
  const auto refuse = [](const std::string& text) { throw ipc::BadValue(text); };
  if (config_.ceiling && values.ceiling != *config_.ceiling) {
    const std::string present =
        values.ceiling == 0 ? "it has no ceiling" : "its ceiling is " + std::to_string(values.ceiling);
    refuse(present + ", not " + std::to_string(*config_.ceiling));
  }
  if (!config_.permits || values.limit == *config_.permits) return;
  if (config_.resize && values.ceiling != 0) refuse("has a ceiling, and cannot be resized");
  if (config_.resize) return;
  refuse("has " + std::to_string(values.limit) + (values.limit == 1 ? " permit" : " permits") + ", not " +
         std::to_string(*config_.permits) + " (see --resize)");
}

void Permits::say(const std::string& text) const {
  ipc::complain(config_.tool(), config_.lock + ": " + text);
}

/// "3 of 3 permits taken", or "no permit free" of one that began with none.
std::string Permits::taken() const {
  const auto values = file_.semaphore().values();
  if (!values || values->limit == 0) return "no permit free";
  const int free = std::max(values->free - values->debt, 0);
  const int taken = std::max(values->limit - free, 0);
  return std::to_string(taken) + " of " + std::to_string(values->limit) + " permits taken";
}

Outcome Permits::try_for(Keep keep, ipc::Deadline deadline) {
  for (;;) {
    const Outcome outcome = file_.semaphore().acquire(keep, deadline);
    if (outcome != Outcome::done) return outcome;
    place_->now(ipc::Roster::State::holds);
    // Who makes the set anew asks the roster first: from here on it has us.
    if (file_.semaphore().values()) return outcome;
    place_->now(ipc::Roster::State::waits);
    return Outcome::gone;
  }
}

std::optional<int> Permits::obtain(Keep keep) {
  place_ = std::make_unique<ipc::Roster>(file_.descriptor(), ipc::SemaphoreFile::kRosterBegin);
  const bool waits = config_.wait != ipc::Duration::zero();
  const auto at_once = try_for(keep, ipc::Deadline::now());
  if (at_once == Outcome::done) return std::nullopt;
  if (at_once == Outcome::not_now && !waits) return not_obtained(config_, taken());
  if (config_.verbose) say("waits, " + taken());
  return wait_for(keep);
}

std::optional<int> Permits::wait_for(Keep keep) {
  const ipc::Deadline deadline = deadline_of(config_);
  bool looked = false;
  for (;;) {
    const auto until = looked ? deadline : std::min(deadline, ipc::Deadline::after(kPatience));
    switch (try_for(keep, until)) {
      case Outcome::done: return std::nullopt;
      case Outcome::gone:
        if (reopen()) continue;
        say("was removed");
        return ipc::kExitToolFailed;
      case Outcome::not_now: break;
    }
    if (until == deadline) return not_obtained(config_, taken());
    looked = true;
    if (keep == Keep::undo && is_hopeless()) return ipc::kExitToolFailed;
  }
}

/// The set is gone. When its file is still there, it has been made anew, or is now.
bool Permits::reopen() {
  if (!file_.is_at(path_)) return false;
  place_.reset();
  auto file = ipc::SemaphoreFile::open(path_, std::nullopt);
  if (!file) return false;
  file_ = std::move(*file);
  place_ = std::make_unique<ipc::Roster>(file_.descriptor(), ipc::SemaphoreFile::kRosterBegin);
  return true;
}

/// All permits are held by those who wait for us.
bool Permits::is_hopeless() const {
  const auto values = file_.semaphore().values();
  if (!values || values->limit == 0) return false;
  const auto line = ipc::own_line();
  int ancestors = 0;
  pid_t nearest = 0;
  for (const auto& user : file_.users()) {
    if (user.state != ipc::Roster::State::holds || std::ranges::find(line, user.pid) == line.end()) continue;
    ++ancestors;
    nearest = user.pid;
  }
  if (ancestors < values->limit) return false;
  say("all permits are held by ancestors, as by pid " + std::to_string(nearest) + " (" +
      ipc::short_name_of(nearest) + "): waiting would never end");
  return true;
}

void Permits::release() {
  file_.semaphore().release();
  place_.reset();
}
