#include "ipc/semaphore_file.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "ipc/error.hpp"
#include "ipc/file_lock.hpp"

namespace ipc {
namespace {

struct Header {
  std::array<char, 16> magic;
  std::int32_t key;
  std::uint32_t cookie;
  std::int32_t limit;
  std::int32_t ceiling;
  std::uint32_t removed_in_use;
};
static_assert(sizeof(Header) <= SemaphoreFile::kRosterBegin);

constexpr std::array<char, 16> kMagic = {'i', 'p', 'c', 'u', 't', 'i', 'l',  's',
                                         ' ', 's', 'e', 'm', ' ', '1', '\n', '\0'};

constexpr const char* kObject = "semaphore";

[[noreturn]] void refuse() { throw BadValue("not a semaphore"); }

/// Repeats a system call that a signal has interrupted.
template <class Call>
auto repeated(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Throws BadValue: an empty file is not ours either.
Header read_header(int fd) {
  Header header{};
  const ssize_t count = repeated([&] { return ::pread(fd, &header, sizeof header, 0); });
  if (count < 0) throw_errno("read", kObject);
  const bool good = count == static_cast<ssize_t>(sizeof header) && header.magic == kMagic &&
                    header.cookie > 0 && header.cookie <= Semaphore::kMost && header.limit >= 0 &&
                    header.limit <= Semaphore::kMost && header.ceiling >= 0 &&
                    header.ceiling <= Semaphore::kMost;
  if (!good) refuse();
  return header;
}

void write_header(int fd, const Header& header) {
  const ssize_t count = repeated([&] { return ::pwrite(fd, &header, sizeof header, 0); });
  if (count == static_cast<ssize_t>(sizeof header)) return;
  throw Error(count < 0 ? errno : ENOSPC, "write", kObject);
}

/// A key that nobody can guess or meet by chance.
void draw_key(Header& header) {
  do {
    struct {
      std::int32_t key;
      std::uint16_t cookie;
    } drawn{};
    if (::getrandom(&drawn, sizeof drawn, 0) != static_cast<ssize_t>(sizeof drawn))
      throw_errno("", "getrandom");
    header.key = drawn.key;
    header.cookie = drawn.cookie & Semaphore::kMost;
  } while (header.key == IPC_PRIVATE || header.cookie == 0);
}

bool names(const std::string& path, int fd) {
  struct stat by_name {};
  struct stat by_descriptor {};
  return ::stat(path.c_str(), &by_name) == 0 && ::fstat(fd, &by_descriptor) == 0 &&
         by_name.st_dev == by_descriptor.st_dev && by_name.st_ino == by_descriptor.st_ino;
}

Fd try_open_new(const char* path, int flags) {
  return Fd(repeated([&] { return ::open(path, flags | O_RDWR | O_CLOEXEC, 0600); }));
}

/// Nothing when it is not there.
Fd try_open(const std::string& path, int access) {
  struct stat status {};
  // Looked at first: a FIFO or a device may do something when it is opened.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) refuse();
  const int flags = access | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
  Fd file(repeated([&] { return ::open(path.c_str(), flags); }));
  if (!file && errno != ENOENT) throw_errno("", kObject);
  return file;
}

/// Puts a file with its header under `path`, at once and whole; does nothing when there is one already.
void make_file(const std::string& path, const SemaphoreFile::Shape& shape) {
  Header header{kMagic, 0, 0, shape.limit, shape.ceiling, 0};
  draw_key(header);
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  std::string own = path + "." + std::to_string(::getpid());
  Fd file = try_open_new(directory.c_str(), O_TMPFILE);
  const bool unnamed = static_cast<bool>(file);
  // Not every file system has files without a name.
  if (!unnamed) file = try_open_new(own.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!file) throw_errno("", kObject);
  if (unnamed) own = "/proc/self/fd/" + std::to_string(file.get());
  int errnum = 0;
  try {
    write_header(file.get(), header);
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) errnum = errno;
  } catch (const Error& error) {
    errnum = error.errnum();
  }
  if (!unnamed) ::unlink(own.c_str());
  if (errnum != 0 && errnum != EEXIST) throw Error(errnum, "", kObject);
}

/// Making and mending take microseconds: who has the lock for longer has been stopped in the middle.
FileLock lock_file(int fd) {
  constexpr Duration kLongest = std::chrono::seconds(5);
  auto lock = FileLock::lock(fd, FileLock::Mode::exclusive, Deadline::after(kLongest));
  if (!lock) throw Error(EBUSY, "is being made or removed", kObject);
  return std::move(*lock);
}

/// With the file locked: the set of the header, made anew if there is none.
Semaphore mend(int fd, Header& header) {
  if (auto present = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie))) return *present;
  for (const auto& user : Roster::entries(fd, SemaphoreFile::kRosterBegin)) {
    if (user.state == Roster::State::holds) throw SemaphoreFile::Orphaned(user.pid);
  }
  for (;;) {
    Semaphore::Values values{header.limit, 0, header.limit, header.ceiling};
    if (auto made = Semaphore::create(header.key, static_cast<std::uint16_t>(header.cookie), values))
      return *made;
    draw_key(header);
    write_header(fd, header);
  }
}

}  // namespace

SemaphoreFile::Orphaned::Orphaned(pid_t holder)
    : text_("the kernel's semaphore is gone while pid " + std::to_string(holder) + " holds a permit of it") {}

std::optional<SemaphoreFile> SemaphoreFile::open(const std::string& path, const std::optional<Shape>& shape) {
  for (;;) {
    Fd file = try_open(path, O_RDWR);
    if (!file && !shape) return std::nullopt;
    if (!file) {
      make_file(path, *shape);
      continue;
    }
    Header header = read_header(file.get());
    auto semaphore = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie));
    if (semaphore) {
      // Its age tells what clears old files away that it is in use.
      static_cast<void>(::futimens(file.get(), nullptr));
      return SemaphoreFile(std::move(file), *semaphore);
    }
    const auto lock = lock_file(file.get());
    if (!names(path, file.get())) continue;
    header = read_header(file.get());
    semaphore = mend(file.get(), header);
    FileLock::unlock(file.get());
    return SemaphoreFile(std::move(file), *semaphore);
  }
}

std::vector<Roster::Entry> SemaphoreFile::users() const { return Roster::entries(file_.get(), kRosterBegin); }

bool SemaphoreFile::is_at(const std::string& path) const { return names(path, file_.get()); }

Semaphore::Outcome SemaphoreFile::resize(int limit) {
  const auto lock = lock_file(file_.get());
  const auto outcome = semaphore_.resize(limit);
  if (outcome != Semaphore::Outcome::done) return outcome;
  Header header = read_header(file_.get());
  header.limit = limit;
  write_header(file_.get(), header);
  return outcome;
}

bool SemaphoreFile::was_removed_in_use() const { return read_header(file_.get()).removed_in_use != 0; }

SemaphoreFile::Removal SemaphoreFile::remove(const std::string& path, bool force) {
  const Fd file = try_open(path, O_RDWR);
  if (!file) return Removal::missing;
  const auto lock = lock_file(file.get());
  if (!names(path, file.get())) return Removal::missing;
  Header header = read_header(file.get());
  auto semaphore = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie));
  const auto is_used = [&] {
    return !Roster::entries(file.get(), kRosterBegin).empty() || (semaphore && semaphore->waiters() > 0);
  };
  // Once more behind the shut door: somebody may have come in.
  if (!force && (is_used() || (semaphore && semaphore->shut() && is_used()))) {
    if (semaphore) semaphore->reopen();
    return Removal::in_use;
  }
  if (force) {
    header.removed_in_use = 1;
    write_header(file.get(), header);
  }
  if (semaphore) semaphore->remove();
  if (::unlink(path.c_str()) != 0) throw_errno("remove", kObject);
  return Removal::removed;
}

std::optional<std::vector<Roster::Entry>> SemaphoreFile::users_at(const std::string& path) {
  const Fd file = try_open(path, O_RDONLY);
  if (!file) return std::nullopt;
  static_cast<void>(read_header(file.get()));
  return Roster::entries(file.get(), kRosterBegin);
}

}  // namespace ipc
