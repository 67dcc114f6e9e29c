#include "ipc/semaphore_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <span>

#include "ipc/error.hpp"

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

constexpr const char* kKind = "semaphore";

/// Throws BadValue: an empty file is not ours either.
Header read_header(const KeyFile& file) {
  Header header{};
  const bool good = file.read(std::as_writable_bytes(std::span(&header, 1))) && header.magic == kMagic &&
                    header.cookie > 0 && header.cookie <= Semaphore::kMost && header.limit >= 0 &&
                    header.limit <= Semaphore::kMost && header.ceiling >= 0 &&
                    header.ceiling <= Semaphore::kMost;
  if (!good) file.refuse();
  return header;
}

void write_header(const KeyFile& file, const Header& header) {
  file.write(std::as_bytes(std::span(&header, 1)));
}

void draw_key(Header& header) {
  header.key = KeyFile::draw_key();
  do {
    header.cookie = static_cast<std::uint32_t>(KeyFile::draw_key()) & Semaphore::kMost;
  } while (header.cookie == 0);
}

void make_file(const std::string& path, const SemaphoreFile::Shape& shape) {
  Header header{kMagic, 0, 0, shape.limit, shape.ceiling, 0};
  draw_key(header);
  KeyFile::make(path, std::as_bytes(std::span(&header, 1)), 0600, kKind);
}

/// With the file locked: the set of the header, made anew if there is none.
Semaphore mend(const KeyFile& file, Header& header) {
  if (auto present = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie))) return *present;
  for (const auto& user : Roster::entries(file.descriptor(), SemaphoreFile::kRosterBegin)) {
    if (user.state == Roster::State::holds) throw SemaphoreFile::Orphaned(user.pid);
  }
  for (;;) {
    Semaphore::Values values{header.limit, 0, header.limit, header.ceiling};
    if (auto made = Semaphore::create(header.key, static_cast<std::uint16_t>(header.cookie), values))
      return *made;
    draw_key(header);
    write_header(file, header);
  }
}

}  // namespace

SemaphoreFile::Orphaned::Orphaned(pid_t holder)
    : text_("the kernel's semaphore is gone while pid " + std::to_string(holder) + " holds a permit of it") {}

std::optional<SemaphoreFile> SemaphoreFile::open(const std::string& path, const std::optional<Shape>& shape) {
  for (;;) {
    auto file = KeyFile::open(path, O_RDWR, kKind);
    if (!file && !shape) return std::nullopt;
    if (!file) {
      make_file(path, *shape);
      continue;
    }
    Header header = read_header(*file);
    auto semaphore = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie));
    if (semaphore) {
      file->touch();
      return SemaphoreFile(std::move(*file), *semaphore);
    }
    const auto lock = file->lock();
    if (!file->is_at(path)) continue;
    header = read_header(*file);
    semaphore = mend(*file, header);
    FileLock::unlock(file->descriptor());
    return SemaphoreFile(std::move(*file), *semaphore);
  }
}

std::vector<Roster::Entry> SemaphoreFile::users() const {
  return Roster::entries(file_.descriptor(), kRosterBegin);
}

bool SemaphoreFile::is_at(const std::string& path) const { return file_.is_at(path); }

Semaphore::Outcome SemaphoreFile::resize(int limit) {
  const auto lock = file_.lock();
  const auto outcome = semaphore_.resize(limit);
  if (outcome != Semaphore::Outcome::done) return outcome;
  Header header = read_header(file_);
  header.limit = limit;
  write_header(file_, header);
  return outcome;
}

bool SemaphoreFile::was_removed_in_use() const { return read_header(file_).removed_in_use != 0; }

SemaphoreFile::Removal SemaphoreFile::remove(const std::string& path, bool force) {
  const auto file = KeyFile::open(path, O_RDWR, kKind);
  if (!file) return Removal::missing;
  const auto lock = file->lock();
  if (!file->is_at(path)) return Removal::missing;
  Header header = read_header(*file);
  auto semaphore = Semaphore::open(header.key, static_cast<std::uint16_t>(header.cookie));
  const auto is_used = [&] {
    return !Roster::entries(file->descriptor(), kRosterBegin).empty() ||
           (semaphore && semaphore->waiters() > 0);
  };
  // Once more behind the shut door: somebody may have come in.
  if (!force && (is_used() || (semaphore && semaphore->shut() && is_used()))) {
    if (semaphore) semaphore->reopen();
    return Removal::in_use;
  }
  if (force) {
    header.removed_in_use = 1;
    write_header(*file, header);
  }
  if (semaphore) semaphore->remove();
  if (::unlink(path.c_str()) != 0) throw_errno("remove", kKind);
  return Removal::removed;
}

std::optional<std::vector<Roster::Entry>> SemaphoreFile::users_at(const std::string& path) {
  const auto file = KeyFile::open(path, O_RDONLY, kKind);
  if (!file) return std::nullopt;
  static_cast<void>(read_header(*file));
  return Roster::entries(file->descriptor(), kRosterBegin);
}

}  // namespace ipc
