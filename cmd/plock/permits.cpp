#include "permits.hpp"

#include <algorithm>

#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/name.hpp"
#include "ipc/processes.hpp"
#include "obtain.hpp"
#include "report.hpp"

namespace {

using Outcome = ipc::Semaphore::Outcome;
using Keep = ipc::Semaphore::Keep;

std::optional<ipc::SemaphoreFile::Shape> shape_of(const Config& config, bool may_make) {
  if (!may_make) return std::nullopt;
  const int ceiling = config.ceiling.value_or(0);
  return ipc::SemaphoreFile::Shape{config.permits.value_or(ceiling), ceiling};
}

/// Throws ipc::BadValue when it is another one than the command line says.
void check(const Config& config, const ipc::Semaphore::Values& values) {
  if (config.ceiling && values.ceiling != *config.ceiling) {
    const std::string present =
        values.ceiling == 0 ? "it has no ceiling" : "its ceiling is " + std::to_string(values.ceiling);
    throw ipc::BadValue(present + ", not " + std::to_string(*config.ceiling));
  }
  if (!config.permits || values.limit == *config.permits) return;
  if (config.resize && values.ceiling != 0) throw ipc::BadValue("has a ceiling, and cannot be resized");
  if (config.resize) return;
  throw ipc::BadValue("has " + std::to_string(values.limit) + (values.limit == 1 ? " permit" : " permits") +
                      ", not " + std::to_string(*config.permits) + " (see --resize)");
}

}  // namespace

std::string semaphore_path(const Config& config) { return ipc::object_path(config.lock, ".sem"); }

std::optional<Permits> Permits::open(const Config& config, bool may_make) {
  std::string path = semaphore_path(config);
  auto file = open_file(config, path, may_make);
  if (!file) return std::nullopt;
  return Permits(config, std::move(path), std::move(*file));
}

std::optional<ipc::SemaphoreFile> Permits::open_file(const Config& config, const std::string& path,
                                                     bool may_make) {
  return named(config, [&]() -> std::optional<ipc::SemaphoreFile> {
    for (;;) {
      auto file = ipc::SemaphoreFile::open(path, shape_of(config, may_make));
      if (!file) return std::nullopt;
      const auto values = file->semaphore().values();
      if (!values) continue;  // removed meanwhile
      check(config, *values);
      if (!config.resize || values->limit == *config.permits) return file;
      if (file->resize(*config.permits) == Outcome::done) return file;
    }
  });
}

/// "3 of 3 permits taken", or "no permit free" of one that began with none.
std::string Permits::taken() const {
  const auto values = file_.semaphore().values();
  if (!values || values->limit == 0) return "no permit free";
  const int taken = std::max(values->limit - values->available(), 0);
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

void Permits::enter() {
  place_.reset();
  place_ = named(config_, [&] {
    return std::make_unique<ipc::Roster>(file_.descriptor(), ipc::SemaphoreFile::kRosterBegin);
  });
}

std::optional<int> Permits::obtain(Keep keep) {
  enter();
  auto at_once = try_for(keep, ipc::Deadline::now());
  while (at_once == Outcome::gone) {
    make_anew();
    at_once = try_for(keep, ipc::Deadline::now());
  }
  if (at_once == Outcome::done) return std::nullopt;
  if (config_.wait == ipc::Duration::zero()) return not_obtained(config_, taken());
  if (config_.verbose) say(config_, "waits, " + taken());
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
        if (!file_.was_removed_in_use()) {
          make_anew();
          continue;
        }
        say(config_, "was removed");
        return ipc::kExitToolFailed;
      case Outcome::not_now: break;
    }
    if (until == deadline) return not_obtained(config_, taken());
    looked = true;
    if (keep == Keep::undo && is_hopeless()) return ipc::kExitToolFailed;
  }
}

/// Removed while we were about to use it, and nobody knew of us: there will be a new one.
void Permits::make_anew() {
  place_.reset();
  file_ = std::move(*open_file(config_, path_, true));
  enter();
}

/// The set is gone. When its file is still there, it has been made anew, or is now.
bool Permits::reopen() {
  if (!file_.is_at(path_)) return false;
  place_.reset();
  auto file = open_file(config_, path_, false);
  if (!file) return false;
  file_ = std::move(*file);
  enter();
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
  say(config_, "all permits are held by ancestors, as by " + describe(nearest) + ": waiting would never end");
  return true;
}

void Permits::release() {
  file_.semaphore().release();
  place_.reset();
}
