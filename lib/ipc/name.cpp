#include "ipc/name.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

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

/// In /tmp anybody may have laid a link under the name.
void insist_on_private(const std::string& path, bool may_be_link) {
  // A relative one would be another directory, and a NAME another object, wherever the caller stands.
  if (path.front() != '/') throw BadValue(path + ": the directory of NAMEs must begin with /");
  struct stat status {};
  const auto look = may_be_link ? ::stat : ::lstat;
  if (look(path.c_str(), &status) != 0) {
    if (errno != ENOENT) throw_errno("", path);
    // Another process of ours may make it at this moment.
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("make directory", path);
    if (look(path.c_str(), &status) != 0) throw_errno("", path);
  }
  if (!S_ISDIR(status.st_mode)) throw BadValue(path + ": " + reason(ENOTDIR));
  if (status.st_uid != ::geteuid()) throw BadValue(path + ": belongs to another user");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) throw BadValue(path + ": others may write to it");
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

std::string runtime_directory() {
  if (const char* own = set_variable("IPCUTILS_DIR")) {
    insist_on_private(own, true);
    return own;
  }
  if (const char* session = set_variable("XDG_RUNTIME_DIR")) {
    std::string path = std::string(session) + "/ipcutils";
    insist_on_private(path, true);
    return path;
  }
  std::string path = "/tmp/ipcutils-" + std::to_string(::geteuid());
  insist_on_private(path, false);
  return path;
}

std::string object_path(std::string_view name, std::string_view suffix) {
  if (is_path(name)) return std::string(name);
  std::string path = runtime_directory();
  path += '/';
  path += name;
  path += suffix;
  return path;
}

}  // namespace ipc
