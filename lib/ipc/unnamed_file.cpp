#include "ipc/unnamed_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "ipc/error.hpp"

namespace ipc {

std::string temporary_directory() {
  const char* tmpdir = std::getenv("TMPDIR");
  return tmpdir != nullptr && ::access(tmpdir, W_OK | X_OK) == 0 ? tmpdir : "/tmp";
}

Fd make_unnamed_file(std::string directory) {
  try {
    return open_file(directory, O_TMPFILE | O_RDWR | O_EXCL, 0600);
  } catch (const Error& error) {
    // Not every file system has files without names.
    if (error.errnum() != EOPNOTSUPP && error.errnum() != EISDIR && error.errnum() != EINVAL) throw;
  }
  std::string name = directory + "/ipcutils.XXXXXX";
  Fd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) throw_errno("", std::move(directory));
  ::unlink(name.c_str());
  return file;
}

}  // namespace ipc
