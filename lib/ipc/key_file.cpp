#include "ipc/key_file.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"
#include "ipc/file_id.hpp"
#include "ipc/path.hpp"

namespace ipc {
namespace {

/// Repeats a system call that a signal has interrupted.
template <class Call>
auto repeated(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void refuse_as(const char* kind) { throw BadValue(std::string("not a ") + kind); }

Fd try_open(const char* path, int flags, mode_t mode) {
  return Fd(repeated([&] { return ::open(path, flags | O_CLOEXEC, mode); }));
}

/// 0, or the errno that stopped it.
int write_whole(int fd, std::span<const std::byte> header) noexcept {
  const ssize_t count = repeated([&] { return ::pwrite(fd, header.data(), header.size(), 0); });
  if (count == static_cast<ssize_t>(header.size())) return 0;
  return count < 0 ? errno : ENOSPC;
}

/// What umask(2) took away is given back. 0, or an errno.
int give_mode(int fd, mode_t mode) noexcept { return ::fchmod(fd, mode) == 0 ? 0 : errno; }

}  // namespace

std::optional<KeyFile> KeyFile::open(const std::string& path, int access, const char* kind) {
  struct stat status {};
  // Looked at first: a FIFO or a device may do something when it is opened.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) refuse_as(kind);
  Fd file = try_open(path.c_str(), access | O_NOCTTY | O_NOFOLLOW, 0);
  if (file) return KeyFile(std::move(file), kind);
  if (errno != ENOENT) throw_errno("", kind);
  return std::nullopt;
}

void KeyFile::make(const std::string& path, std::span<const std::byte> header, mode_t mode,
                   const char* kind) {
  std::string own = path + "." + std::to_string(::getpid());
  Fd file = try_open(parent_directory(path).c_str(), O_TMPFILE | O_RDWR, mode);
  const bool unnamed = static_cast<bool>(file);
  // Not every file system has files without a name.
  if (!unnamed) file = try_open(own.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, mode);
  if (!file) throw_errno("", kind);
  if (unnamed) own = "/proc/self/fd/" + std::to_string(file.get());
  int errnum = write_whole(file.get(), header);
  if (errnum == 0) errnum = give_mode(file.get(), mode);
  if (errnum == 0 && ::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    errnum = errno;
  if (!unnamed) ::unlink(own.c_str());
  if (errnum != 0 && errnum != EEXIST) throw Error(errnum, "", kind);
}

key_t KeyFile::draw_key() {
  key_t key = IPC_PRIVATE;
  while (key == IPC_PRIVATE) {
    if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) throw_errno("", "getrandom");
  }
  return key;
}

bool KeyFile::is_at(const std::string& path) const {
  const auto id = file_id(path);
  return id && id == file_id(file_.get());
}

struct stat KeyFile::status() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_errno("", kind_);
  return status;
}

bool KeyFile::read(std::span<std::byte> header) const {
  const ssize_t count = repeated([&] { return ::pread(file_.get(), header.data(), header.size(), 0); });
  if (count < 0) throw_errno("read", kind_);
  return count == static_cast<ssize_t>(header.size());
}

void KeyFile::write(std::span<const std::byte> header) const {
  if (const int errnum = write_whole(file_.get(), header); errnum != 0) throw Error(errnum, "write", kind_);
}

void KeyFile::refuse() const { refuse_as(kind_); }

FileLock KeyFile::lock() const {
  constexpr Duration kLongest = std::chrono::seconds(5);
  auto lock = FileLock::lock(file_.get(), FileLock::Mode::exclusive, Deadline::after(kLongest));
  if (!lock) throw Error(EBUSY, "is being made or removed", kind_);
  return std::move(*lock);
}

void KeyFile::touch() const noexcept { static_cast<void>(::futimens(file_.get(), nullptr)); }

}  // namespace ipc
