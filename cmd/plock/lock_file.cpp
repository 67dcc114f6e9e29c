#include "lock_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"
#include "ipc/name.hpp"
#include "ipc/path.hpp"

namespace {

constexpr int kLowestDescriptor = 20;
constexpr mode_t kNameMode = 0600;
constexpr mode_t kPathMode = 0666;

/// What somebody else has laid where all may write is not followed, nor is it made through (the rule of
/// protected_symlinks, proc_sys_fs(5)).
void refuse_foreign_link(const std::string& path) {
  struct stat link {};
  if (::lstat(path.c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) return;
  struct stat directory {};
  if (::stat(ipc::parent_directory(path).c_str(), &directory) != 0 || (directory.st_mode & S_IWOTH) == 0)
    return;
  if (link.st_uid == ::geteuid() || link.st_uid == directory.st_uid) return;
  throw ipc::BadValue(path + ": a link of another user in a directory that all may write to");
}

/// A file or a directory; a new file only where nothing is, since O_CREAT refuses directories, and in some places the
/// files of others (protected_regular, proc_sys_fs(5)).
ipc::Fd open_or_make(const std::string& path, int flags, mode_t mode) {
  ipc::Fd file(::open(path.c_str(), flags));
  return file ? std::move(file) : ipc::open_file(path, errno == ENOENT ? flags | O_CREAT : flags, mode);
}

ipc::FileId id_of(int fd, const std::string& path) {
  const auto id = ipc::file_id(fd);
  if (!id) ipc::throw_errno("", path);
  return *id;
}

}  // namespace

std::string lock_path(const Config& config) {
  const std::string& lock = config.lock;
  if (config.as_flock() || ipc::is_path(lock)) return lock;
  if (::faccessat(AT_FDCWD, lock.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    throw ipc::BadValue(lock + ": also a file here: say ./" + lock + " to lock the file");
  return ipc::object_path(lock, ".lock");
}

LockFile::LockFile(const Config& config)
    : path_(config.lock), mode_(config.mode), borrowed_(config.descriptor), any_kind_(config.as_flock()) {
  if (borrowed_ >= 0) {
    borrow();
    return;
  }
  path_ = lock_path(config);
  by_name_ = path_ != config.lock;
  open(O_RDONLY);
}

void LockFile::borrow() {
  if (ipc::is_occupied(borrowed_)) throw ipc::Error(EBADF, "", path_);
  id_ = id_of(borrowed_, path_);
}

/// Looks before it opens: to open a FIFO waits or wakes another, and to open a device can move a tape.
void LockFile::open(int access) {
  const int flags = access | O_CLOEXEC | O_NOCTTY | (by_name_ ? O_NOFOLLOW : 0);
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    if (S_ISLNK(status.st_mode) && !by_name_) {
      if (!any_kind_) refuse_foreign_link(path_);
      // A link to nowhere: what it names is made below.
      if (::stat(path_.c_str(), &status) != 0) status.st_mode = S_IFREG;
    }
    if (!any_kind_ && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
      throw ipc::BadValue(path_ + ": neither a file nor a directory");
  }
  ipc::Fd file = open_or_make(path_, flags, by_name_ ? kNameMode : kPathMode);
  id_ = id_of(file.get(), path_);
  const int high = ::fcntl(file.get(), F_DUPFD_CLOEXEC, kLowestDescriptor);
  file_ = high >= 0 ? ipc::Fd(high) : std::move(file);
}

bool LockFile::is_current() const noexcept {
  return borrowed_ >= 0 || any_kind_ || ipc::file_id(path_) == id_;
}

void LockFile::open_again() { open(writing_ ? O_RDWR : O_RDONLY); }

bool LockFile::reopen_for_writing(int errnum) {
  if (!file_ || writing_ || (errnum != EBADF && errnum != EIO)) return false;
  writing_ = true;
  open(O_RDWR);
  return true;
}

std::optional<ipc::FileLock> LockFile::try_lock() {
  try {
    return ipc::FileLock::try_lock(descriptor(), mode_);
  } catch (const ipc::Error& error) {
    if (!reopen_for_writing(error.errnum())) throw ipc::Error(error.errnum(), "lock", path_);
  }
  return try_lock();
}

std::optional<ipc::FileLock> LockFile::lock(ipc::Deadline deadline) {
  try {
    return ipc::FileLock::lock(descriptor(), mode_, deadline);
  } catch (const ipc::Error& error) {
    const bool of_file = !error.operation().empty();  // else of the timer
    if (!of_file || !reopen_for_writing(error.errnum()))
      throw ipc::Error(error.errnum(), of_file ? "lock" : error.object(), path_);
  }
  return lock(deadline);
}
