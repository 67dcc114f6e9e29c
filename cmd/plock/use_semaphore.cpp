#include <unistd.h>

#include <string>

#include "actions.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/io.hpp"
#include "permits.hpp"
#include "report.hpp"

namespace {

using Outcome = ipc::Semaphore::Outcome;

[[noreturn]] void refuse(const Config& config, const std::string& text) {
  throw ipc::BadValue(config.lock + ": " + text);
}

int take(const Config& config) {
  auto permits = Permits::open(config, true);
  return permits->obtain(ipc::Semaphore::Keep::forever).value_or(ipc::kExitSuccess);
}

int post(const Config& config) {
  for (;;) {
    auto permits = Permits::open(config, true);
    auto& semaphore = permits->file().semaphore();
    switch (semaphore.post()) {
      case Outcome::done: return ipc::kExitSuccess;
      case Outcome::gone: continue;
      case Outcome::not_now: break;
    }
    const auto values = semaphore.values();
    const int ceiling = values && values->ceiling != 0 ? values->ceiling : ipc::Semaphore::kMost;
    refuse(config, "already at its ceiling of " + std::to_string(ceiling));
  }
}

int print_value(const Config& config) {
  for (;;) {
    auto permits = Permits::open(config, false);
    if (!permits) refuse(config, "no such semaphore");
    const auto values = permits->file().semaphore().values();
    if (!values) continue;
    const int errnum = ipc::write_all(STDOUT_FILENO, std::to_string(values->available()) + "\n");
    if (errnum != 0) throw ipc::Error(errnum, "", "stdout");
    return ipc::kExitSuccess;
  }
}

int remove(const Config& config) {
  const std::string path = semaphore_path(config);
  switch (named(config, [&] { return ipc::SemaphoreFile::remove(path, config.force); })) {
    case ipc::SemaphoreFile::Removal::removed: return ipc::kExitSuccess;
    case ipc::SemaphoreFile::Removal::missing: refuse(config, "no such semaphore");
    case ipc::SemaphoreFile::Removal::in_use: break;
  }
  say(config, "in use (see -l), not removed without --force");
  return ipc::kExitNo;
}

int use(const Config& config) {
  switch (config.action) {
    case Action::take: return take(config);
    case Action::post: return post(config);
    case Action::value: return print_value(config);
    case Action::remove: return remove(config);
    default: break;
  }
  // Opening it has resized it.
  static_cast<void>(Permits::open(config, true));
  return ipc::kExitSuccess;
}

}  // namespace

int use_semaphore(const Config& config) {
  try {
    return use(config);
  } catch (const ipc::SemaphoreFile::Orphaned& orphaned) {
    say(config, orphaned.what());
    return ipc::kExitToolFailed;
  }
}
