#include "command.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"

namespace {

constexpr int kFlockCannotExec = 69;  // EX_UNAVAILABLE

constexpr const char* kShell = "/bin/sh";

/// As flock, the one that the user prefers.
const char* shell_for(const Config& config) {
  const char* preferred = config.as_flock() ? std::getenv("SHELL") : nullptr;
  return preferred != nullptr && preferred[0] != '\0' ? preferred : kShell;
}

}  // namespace

Command::Command(const Config& config) : config_(config) {
  const char* program = config.script ? shell_for(config) : config.command[0];
  if (config.script) {
    const char* name = config.as_flock() ? program : "sh";
    // execve() changes none of its words.
    argv_ = {const_cast<char*>(name), const_cast<char*>("-c"), const_cast<char*>(config.script->c_str()),
             nullptr};
  } else {
    argv_.assign(config.command.begin(), config.command.end());
    argv_.push_back(nullptr);
  }
  // A path is what it is: the exec itself tells whether it is any good.
  lookup_ = std::strchr(program, '/') != nullptr ? ipc::Lookup{program, 0}
                                                 : ipc::look_up(program, std::getenv("PATH"), AT_FDCWD);
  char** end = environ;
  while (*end != nullptr) ++end;
  envp_.reserve(static_cast<std::size_t>(end - environ) + 2);
  envp_.assign(environ, end + 1);
}

void Command::bequeath(const Heirloom& heirloom) {
  const std::string_view variable = kHeirlooms;
  const auto is_it = [&](const char* entry) {
    return entry != nullptr && std::string_view(entry).starts_with(variable) && entry[variable.size()] == '=';
  };
  heirlooms_ = variable;
  heirlooms_ += '=';
  const auto present = std::ranges::find_if(envp_, is_it);
  // Those of locks long gone would be passed on for ever.
  if (present != envp_.end()) {
    for (const Heirloom& older : parse_heirlooms(*present + variable.size() + 1)) {
      if (is_open(older) && older.fd != heirloom.fd) heirlooms_ += to_text(older) + ' ';
    }
  }
  heirlooms_ += to_text(heirloom);
  if (present != envp_.end()) {
    *present = heirlooms_.data();
  } else {
    envp_.insert(envp_.end() - 1, heirlooms_.data());
  }
}

int Command::become(int descriptor) {
  if (!found()) return complain();
  if (descriptor >= 0) ::fcntl(descriptor, F_SETFD, 0);
  ::execve(path(), argv(), envp());
  if (turn_to_shell(errno)) ::execve(path(), argv(), envp());
  return complain(errno);
}

bool Command::turn_to_shell(int errnum) {
  if (errnum != ENOEXEC || !config_.as_flock()) return false;
  script_ = lookup_.path;
  lookup_.path = kShell;
  argv_.front() = script_.data();
  argv_.insert(argv_.begin(), lookup_.path.data());
  return true;
}

void Command::say(const std::string& text) const {
  ipc::complain(config_.tool(), std::string(argv_[0]) + ": " + text);
}

int Command::complain(int errnum) const {
  say(ipc::reason(errnum));
  return config_.as_flock() ? kFlockCannotExec : ipc::Lookup{{}, errnum}.status();
}
