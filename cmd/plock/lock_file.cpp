#include "lock_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"
#include "ipc/name.hpp"

namespace {

constexpr int kLowestDescriptor = 20;
constexpr mode_t kNameMode = 0600;
constexpr mode_t kPathMode = 0666;

/// What somebody else has laid where all may write is not followed, nor is it made through (the rule of
/// protected_symlinks, proc_sys_fs(5)).
void refuse_foreign_link(const std::string& path) {
  struct stat link {};
  if (::lstat(path.c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) return;
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat directory {};
  if (::stat(parent.c_str(), &directory) != 0 || (directory.st_mode & S_IWOTH) == 0) return;
  if (link.st_uid == ::geteuid() || link.st_uid == directory.st_uid) return;
  throw ipc::BadValue(path + ": a link of another user in a directory that all may write to");
}

}  // namespace

std::string lock_path(const std::string& lock, Personality personality) {
  if (personality == Personality::flock) return lock;
  if (ipc::is_path(lock)) return lock;
  if (::faccessat(AT_FDCWD, lock.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    throw ipc::BadValue(lock + ": also a file here: say ./" + lock + " to lock the file");
  return ipc::object_path(lock, ".lock");
}

LockFile::LockFile(const Config& config)
    : path_(config.lock),
      mode_(config.mode),
      borrowed_(config.descriptor),
      any_kind_(config.personality == Personality::flock) {
  if (borrowed_ >= 0) {
    borrow();
    return;
  }
  path_ = lock_path(config.lock, config.personality);
  by_name_ = path_ != config.lock;
  open(O_RDONLY);
}

void LockFile::borrow() {
  struct stat status {};
  if (ipc::is_occupied(borrowed_)) throw ipc::Error(EBADF, "", path_);
  if (::fstat(borrowed_, &status) != 0) ipc::throw_errno("", path_);
  id_ = ipc::file_id(status);
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
  ipc::Fd file(::open(path_.c_str(), flags));
  if (!file && errno == ENOENT) {
    file = ipc::open_file(path_, flags | O_CREAT, by_name_ ? kNameMode : kPathMode);
  } else if (!file) {
    file = ipc::open_file(path_, flags);
  }
  if (::fstat(file.get(), &status) != 0) ipc::throw_errno("", path_);
  id_ = ipc::file_id(status);
  const int high = ::fcntl(file.get(), F_DUPFD_CLOEXEC, kLowestDescriptor);
  file_ = high >= 0 ? ipc::Fd(high) : std::move(file);
}

bool LockFile::is_current() const noexcept {
  struct stat status {};
  if (borrowed_ >= 0 || any_kind_) return true;
  return ::stat(path_.c_str(), &status) == 0 && ipc::file_id(status) == id_;
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
