#include "ipc/name.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "ipc/error.hpp"

namespace ipc {
namespace {

constexpr std::size_t kLongestName = 64;

bool is_name_letter(char c, bool first) {
  if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') return true;
  return !first && (c == '.' || c == '-');
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_name_letter(name[i], i == 0)) return false;
  }
  return true;
}

/// The value of a variable that is set to something.
const char* set_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] != '\0' ? value : nullptr;
}

/// Where a directory of NAMEs is, and how much of the way to it is ours to make.
struct Place {
  std::string path;
  bool may_be_link = true;                ///< in /tmp anybody may have laid one under the name
  std::size_t given = std::string::npos;  ///< bytes of it that must be there; parents beyond are made
};

Place runtime_place() {
  if (const char* own = set_variable("IPCUTILS_DIR")) return {own};
  if (const char* session = set_variable("XDG_RUNTIME_DIR")) return {std::string(session) + "/ipcutils"};
  return {"/tmp/ipcutils-" + std::to_string(::geteuid()), false};
}

Place state_place() {
  for (const char* variable : {"IPCUTILS_STATE_DIR", "IPCUTILS_DIR"}) {
    if (const char* own = set_variable(variable)) return {own};
  }
  if (const char* state = set_variable("XDG_STATE_HOME")) return {std::string(state) + "/ipcutils", true, 0};
  const char* home = set_variable("HOME");
  if (home == nullptr) throw BadValue("HOME is not set, nor is XDG_STATE_HOME or IPCUTILS_STATE_DIR");
  return {std::string(home) + "/.local/state/ipcutils", true, std::strlen(home)};
}

Place place_of(Home home) { return home == Home::runtime ? runtime_place() : state_place(); }

/// False when there is nothing at the path. Throws BadValue for what must not be used.
bool is_private(const Place& place) {
  const std::string& path = place.path;
  // A relative one would be another directory, and a NAME another object, wherever the caller stands.
  if (path.front() != '/') throw BadValue(path + ": the directory of NAMEs must begin with /");
  struct stat status {};
  if ((place.may_be_link ? ::stat : ::lstat)(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return false;
    throw_errno("", path);
  }
  if (!S_ISDIR(status.st_mode)) throw BadValue(path + ": " + reason(ENOTDIR));
  if (status.st_uid != ::geteuid()) throw BadValue(path + ": belongs to another user");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) throw BadValue(path + ": others may write to it");
  return true;
}

/// Another process of ours may make them at this moment.
void make(const Place& place) {
  const std::string& path = place.path;
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (slash <= place.given) continue;
    const std::string parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("make directory", parent);
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("make directory", path);
}

std::string directory(const Place& place) {
  if (!is_private(place)) {
    make(place);
    if (!is_private(place)) throw_errno("", place.path);
  }
  return place.path;
}

}  // namespace

bool is_path(std::string_view name) {
  const auto slash = name.find('/');
  if (name.substr(0, slash).find(':') != std::string_view::npos) {
    throw BadValue(std::string(name) + ": names on other hosts are not supported (a path: ./NAME)");
  }
  if (slash != std::string_view::npos) return true;
  if (name.empty()) throw BadValue("a NAME must not be empty");
  if (!is_name(name)) {
    throw BadValue(
        std::string(name) +
        ": a NAME has at most 64 of A-Z a-z 0-9 _ . - and begins with none of . and -; a path has a /");
  }
  return false;
}

std::string runtime_directory() { return directory(runtime_place()); }

std::string state_directory() { return directory(state_place()); }

std::optional<std::string> present_directory(Home home) {
  try {
    Place place = place_of(home);
    if (is_private(place)) return std::move(place.path);
  } catch (const std::exception&) {
    // Whoever has to use it is told.
  }
  return std::nullopt;
}

std::string object_path(std::string_view name, std::string_view suffix, Home home) {
  if (is_path(name)) return std::string(name);
  std::string path = directory(place_of(home));
  path += '/';
  path += name;
  path += suffix;
  return path;
}

}  // namespace ipc
