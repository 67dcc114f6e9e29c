#include "queue/make_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "ipc/crc32c.hpp"
#include "ipc/error.hpp"
#include "ipc/file_lock.hpp"
#include "ipc/io.hpp"
#include "queue/bell.hpp"
#include "queue/mapped_file.hpp"
#include "queue/removal.hpp"

namespace queue {
namespace {

constexpr const char* kControl = "control";
constexpr const char* kNewControl = "control.new";
constexpr const char* kTables[] = {"runs", "segments", "holders", "timers"};
constexpr const char* kTurns[] = {"turn-get", "turn-put"};
constexpr const char* kBells[] = {kGetBell, kPutBell, kJoinBell};
constexpr const char* kAnswers = "answers";
constexpr std::size_t kFirstTable = 4096;
constexpr mode_t kUsualMode = 0600;

/// Who may read a file may look into the directory.
mode_t directory_mode(mode_t mode) noexcept { return mode | (mode & 0444U) >> 2U; }

void set_mode(int fd, mode_t mode, const char* name) {
  if (::fchmod(fd, mode) != 0) ipc::throw_errno("set mode", name);
}

Header first_header(const Shape& shape) {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.byte_order = kByteOrder;
  header.max_messages = shape.max_messages.value_or(0);
  header.max_bytes = shape.max_bytes.value_or(0);
  header.max_message = shape.max_message.value_or(kUsualLargest);
  header.mode = shape.mode.value_or(kUsualMode);
  header.lifo = shape.lifo;
  header.no_sync = shape.no_sync;
  header.allow_network = shape.allow_network;
  header.next_id = 1;
  header.next_serial = 1;
  header.next_segment = 1;
  header.runs_bytes = kFirstTable;
  header.shape_crc = shape_checksum(header);
  return header;
}

void make_parts(int directory, mode_t mode) {
  for (const char* name : kTables) {
    const ipc::Fd file = open_in(directory, name, O_RDWR | O_CREAT, mode);
    set_mode(file.get(), mode, name);
    // So that those who make room need none themselves, when the disk is full.
    const int errnum = allocate(file.get(), 0, static_cast<off_t>(kFirstTable));
    if (errnum != 0) throw ipc::Error(errnum, "", name);
  }
  for (const char* name : kTurns) {
    set_mode(open_in(directory, name, O_RDWR | O_CREAT, mode).get(), mode, name);
  }
  for (const char* name : kBells) {
    if (::mkfifoat(directory, name, mode) != 0 && errno != EEXIST) ipc::throw_errno("", name);
    if (::fchmodat(directory, name, mode, 0) != 0) ipc::throw_errno("set mode", name);
  }
  if (::mkdirat(directory, kAnswers, directory_mode(mode)) != 0 && errno != EEXIST) {
    ipc::throw_errno("", kAnswers);
  }
  if (::fchmodat(directory, kAnswers, directory_mode(mode), 0) != 0) ipc::throw_errno("set mode", kAnswers);
}

/// The last step, which makes it a queue.
void make_control(int directory, const Shape& shape) {
  const Header header = first_header(shape);
  const ipc::Fd file = open_in(directory, kNewControl, O_RDWR | O_CREAT | O_TRUNC, header.mode);
  set_mode(file.get(), header.mode, kNewControl);
  const int errnum = allocate(file.get(), 0, static_cast<off_t>(kControlSize));
  if (errnum != 0) throw ipc::Error(errnum, "", kNewControl);
  const int written = ipc::write_all(file.get(), {reinterpret_cast<const char*>(&header), sizeof header});
  if (written != 0) throw ipc::Error(written, "", kNewControl);
  if (!shape.no_sync) insist_on(sync_file(file.get()), kNewControl);
  if (::renameat(directory, kNewControl, directory, kControl) != 0) ipc::throw_errno("", kControl);
  if (!shape.no_sync) insist_on(sync_file(directory), "directory");
}

void sync_parent(const std::string& path) {
  const auto slash = path.find_last_of('/', path.find_last_not_of('/'));
  const std::string parent =
      slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  const ipc::Fd directory = ipc::open_file(parent, O_RDONLY | O_DIRECTORY);
  insist_on(sync_file(directory.get()), parent);
}

template <class T>
void insist(const std::string& path, const std::optional<T>& wish, std::uint64_t is, const char* option) {
  if (wish && *wish != is) throw ipc::BadValue(path + ": exists with another --" + option);
}

/// Whoever may read control could keep its lock, and could not even look in without writing.
void refuse_half_open(const std::string& path, mode_t mode) {
  constexpr mode_t kBoth = 6;
  for (const int shift : {6, 3, 0}) {
    const mode_t given = mode >> shift & kBoth;
    if (given == kBoth || (given == 0 && shift < 6)) continue;
    throw ipc::BadValue(path + ": --mode: whoever has a durable queue must be able to read and to write it");
  }
}

}  // namespace

std::uint32_t shape_checksum(const Header& header) noexcept {
  return ipc::crc32c({reinterpret_cast<const char*>(&header), offsetof(Header, shape_crc)});
}

void reset_shape(Header& header) noexcept {
  header.max_messages = header.max_bytes = 0;
  header.max_message = kLargestMessage;
  header.mode = kUsualMode;
  header.lifo = header.no_sync = header.allow_network = header.unused = false;
  header.shape_crc = shape_checksum(header);
}

bool is_part_of_queue(std::string_view name) noexcept {
  const auto is_it = [&](const char* known) { return name == known; };
  return name == kControl || name == kNewControl || name == kAnswers || name.starts_with("seg-") ||
         name.starts_with("damaged-") || std::ranges::any_of(kTables, is_it) ||
         std::ranges::any_of(kTurns, is_it) || std::ranges::any_of(kBells, is_it);
}

void refuse_foreign(int directory, const std::string& path) {
  ipc::Fd copy = open_in(directory, ".", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
  if (!stream) ipc::throw_errno("", path);
  static_cast<void>(copy.release());
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && !is_part_of_queue(name)) {
      throw ipc::BadValue(path + ": a directory, but not a queue");
    }
  }
}

void make_store(const std::string& path, const Shape& shape) {
  const mode_t mode = shape.mode.value_or(kUsualMode);
  refuse_half_open(path, mode);
  const bool is_new = ::mkdir(path.c_str(), directory_mode(mode)) == 0;
  if (!is_new && errno != EEXIST) ipc::throw_errno("make directory", path);
  const ipc::Fd directory = ipc::open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (!shape.allow_network) refuse_network(path, directory.get());
  } catch (const ipc::BadValue&) {
    if (is_new) ::rmdir(path.c_str());
    throw;
  }
  const auto lock = ipc::FileLock::lock(directory.get(), ipc::FileLock::Mode::exclusive);
  struct stat status {};
  if (::fstatat(directory.get(), kControl, &status, AT_SYMLINK_NOFOLLOW) == 0) return;
  if (::fstat(directory.get(), &status) != 0) ipc::throw_errno("", path);
  if (status.st_nlink == 0) return;  // removed meanwhile
  refuse_foreign(directory.get(), path);
  set_mode(directory.get(), directory_mode(mode) | (status.st_mode & S_ISGID), path.c_str());
  try {
    make_parts(directory.get(), mode);
    make_control(directory.get(), shape);
  } catch (...) {
    if (is_new) unmake(directory.get(), path);
    throw;
  }
  if (!shape.no_sync) sync_parent(path);
}

void insist_on_shape(const std::string& path, const Header& header, const Shape& shape) {
  if (shape.lifo && !header.lifo) throw ipc::BadValue(path + ": exists without --lifo");
  if (shape.no_sync && !header.no_sync) throw ipc::BadValue(path + ": exists without --no-sync");
  insist(path, shape.max_messages, header.max_messages, "max");
  insist(path, shape.max_bytes, header.max_bytes, "max-bytes");
  insist(path, shape.max_message, header.max_message, "max-message");
  insist(path, shape.mode, header.mode, "mode");
}

void refuse_network(const std::string& path, int fd) {
  // statfs(2), and linux/magic.h.
  constexpr std::uint32_t kNetwork[] = {0x6969,     0xFF534D42, 0xFE534D42, 0x517B,     0x5346414F,
                                        0x01021997, 0x00C36400, 0x65735546, 0x73757245, 0x0BD00BD0};
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) ipc::throw_errno("", path);
  const auto type = static_cast<std::uint32_t>(status.f_type);
  if (std::ranges::find(kNetwork, type) == std::end(kNetwork)) return;
  throw ipc::BadValue(
      path + ": on a network file system, whose locks may not reach other machines (--allow-network)");
}

}  // namespace queue
