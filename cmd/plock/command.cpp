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

const char* shell_for(Personality personality) {
  const char* preferred = std::getenv("SHELL");
  const bool usable = personality == Personality::flock && preferred != nullptr && preferred[0] != '\0';
  return usable ? preferred : "/bin/sh";
}

}  // namespace

Command::Command(const Config& config) : personality_(config.personality) {
  if (config.script) {
    const char* shell = shell_for(personality_);
    const char* slash = std::strrchr(shell, '/');
    const bool in_full = slash == nullptr || personality_ == Personality::flock;
    const char* name = in_full ? shell : slash + 1;
    // execve() changes none of its words.
    argv_ = {const_cast<char*>(name), const_cast<char*>("-c"), const_cast<char*>(config.script->c_str()),
             nullptr};
  } else {
    argv_.assign(config.command.begin(), config.command.end());
    argv_.push_back(nullptr);
  }
  const char* program = config.script ? shell_for(personality_) : argv_[0];
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
  if (errnum != ENOEXEC || personality_ != Personality::flock) return false;
  script_ = lookup_.path;
  lookup_.path = "/bin/sh";
  argv_.front() = script_.data();
  argv_.insert(argv_.begin(), lookup_.path.data());
  return true;
}

int Command::complain(int errnum) const {
  const bool as_flock = personality_ == Personality::flock;
  ipc::complain(as_flock ? "flock" : "plock", std::string(argv_[0]) + ": " + ipc::reason(errnum));
  return as_flock ? kFlockCannotExec : ipc::Lookup{{}, errnum}.status();
}
