#include "ipc/lookup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "ipc/exit_status.hpp"

namespace ipc {
namespace {

/// 0 when `path` is a file that may be executed.
int check(const std::string& path, int directory) {
  struct stat status {};
  if (::fstatat(directory, path.c_str(), &status, 0) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  if (::faccessat(directory, path.c_str(), X_OK, AT_EACCESS) != 0) return errno;
  return S_ISREG(status.st_mode) ? 0 : EACCES;
}

}  // namespace

int Lookup::status() const noexcept {
  if (errnum == 0) return kExitSuccess;
  return errnum == ENOENT || errnum == ENOTDIR ? kExitNotFound : kExitCannotExec;
}

Lookup look_up(const std::string& command, const char* search_path, int directory) {
  if (command.empty()) return {command, ENOENT};
  if (command.find('/') != std::string::npos) return {command, check(command, directory)};
  std::string_view rest = search_path != nullptr ? search_path : "/bin:/usr/bin";
  Lookup result{command, ENOENT};
  for (;;) {
    const auto colon = rest.find(':');
    // An empty element means the current directory.
    std::string path(rest.substr(0, colon));
    path += path.empty() ? "./" : "/";
    path += command;
    const int errnum = check(path, directory);
    if (errnum == 0) return {path, 0};
    // Found, but no good: search on, and say so when nothing better comes.
    if (errnum != ENOENT && errnum != ENOTDIR) result.errnum = errnum;
    if (colon == std::string_view::npos) return result;
    rest.remove_prefix(colon + 1);
  }
}

}  // namespace ipc
