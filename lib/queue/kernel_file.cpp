#include "queue/kernel_file.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <span>

#include "ipc/error.hpp"
#include "ipc/processes.hpp"
#include "queue/packed_frame.hpp"

namespace queue {
namespace {

struct Header {
  std::array<char, 12> magic;
  std::uint32_t version;
  std::int32_t key;
  std::uint32_t packed;
  std::uint32_t mode;
  std::uint32_t priorities;   ///< 0: all messages that were ever put had priority 0
  std::uint64_t max_bytes;    ///< 0: as many as the kernel gives
  std::uint64_t max_message;  ///< 0: as many as the kernel takes
  std::uint64_t boot;
  std::uint64_t space;  ///< the IPC namespace; 0: unknown
};

constexpr std::array<char, 12> kMagic = {'i', 'p', 'c', 'u', 't', 'i', 'l', 's', ' ', 'm', 'q', '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr mode_t kUsualMode = 0600;
constexpr const char* kKind = "kernel queue";

Header read_header(const ipc::KeyFile& file) {
  Header header{};
  const bool whole = file.read(std::as_writable_bytes(std::span(&header, 1)));
  if (!whole || header.magic != kMagic || header.key == IPC_PRIVATE) file.refuse();
  if (header.version != kVersion) throw ipc::BadValue("was made by a later version");
  return header;
}

void write_header(const ipc::KeyFile& file, const Header& header) {
  file.write(std::as_bytes(std::span(&header, 1)));
}

std::uint64_t this_space() noexcept {
  struct stat status {};
  return ::stat("/proc/self/ns/ipc", &status) == 0 ? status.st_ino : 0;
}

std::size_t room_in(std::uint64_t max_bytes) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(ipc::MessageQueue::largest(), max_bytes));
}

/// `room`: of a message of the kernel.
std::uint64_t largest_message(const Header& header, std::size_t room) {
  const std::uint64_t most = header.packed != 0 ? largest_in_frame(room) : room;
  return header.max_message != 0 ? std::min(header.max_message, most) : most;
}

/// What no kernel queue can do, whether it stands or not.
void check_kind(const Shape& shape) {
  if (shape.lifo) throw ipc::BadValue("a kernel queue cannot give the newest message first");
  if (shape.max_messages) throw ipc::BadValue("a kernel queue is bounded by bytes, not by messages");
  if (shape.no_sync) throw ipc::BadValue("a kernel queue is on no disk");
  if (shape.max_bytes && *shape.max_bytes == 0) throw ipc::BadValue("a queue must hold at least one byte");
  if (!shape.max_message) return;
  if (*shape.max_message == 0) throw ipc::BadValue("a message must be allowed at least one byte");
  if (*shape.max_message > ipc::MessageQueue::largest())
    throw ipc::BadValue("a kernel queue takes messages of at most " +
                        std::to_string(ipc::MessageQueue::largest()) + " bytes (kernel.msgmax)");
}

std::string octal(std::uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

/// Throws ipc::BadValue when the queue that stands is another one than `shape` says.
void check_agrees(const Shape& shape, const Header& header, const ipc::MessageQueue::Status& status) {
  const auto differs = [](const char* what, const std::string& is, const std::string& said) {
    throw ipc::BadValue(std::string(what) + ' ' + is + ", not " + said);
  };
  if (shape.packed && header.packed == 0) throw ipc::BadValue("is not packed");
  if (shape.max_bytes && *shape.max_bytes != status.max_bytes)
    differs("its bound in bytes is", std::to_string(status.max_bytes), std::to_string(*shape.max_bytes));
  const std::uint64_t largest = largest_message(header, room_in(status.max_bytes));
  if (shape.max_message && *shape.max_message != largest)
    differs("its largest message in bytes is", std::to_string(largest), std::to_string(*shape.max_message));
  if (shape.mode && *shape.mode != header.mode)
    differs("its mode is", octal(header.mode), octal(*shape.mode));
}

void make_file(const std::string& path, const Shape& shape) {
  const mode_t mode = shape.mode.value_or(kUsualMode);
  const Header header{kMagic,
                      kVersion,
                      ipc::KeyFile::draw_key(),
                      shape.packed ? 1U : 0U,
                      mode,
                      0,
                      shape.max_bytes.value_or(0),
                      shape.max_message.value_or(0),
                      ipc::this_boot(),
                      this_space()};
  ipc::KeyFile::make(path, std::as_bytes(std::span(&header, 1)), mode, kKind);
}

/// What the kernel has under the key of the file.
struct Present {
  ipc::MessageQueue queue;
  ipc::MessageQueue::Status status;
  bool finished = true;  ///< not so when who made it was killed before it had its bound
};

std::optional<Present> find(const ipc::KeyFile& file, const Header& header) {
  const auto queue = ipc::MessageQueue::open(header.key);
  if (!queue) return std::nullopt;
  const auto status = queue->status();
  if (!status) return std::nullopt;
  if (status->creator != 0 && status->creator != file.status().st_uid) return std::nullopt;
  return Present{*queue, *status, header.max_bytes == 0 || header.max_bytes == status->max_bytes};
}

/// Gives the queue to the file's owner, with the bound that it is to have: false where the system does not permit it.
bool finish(ipc::MessageQueue& queue, const struct stat& owner, const Header& header) {
  if (header.max_bytes == 0 && owner.st_uid == ::geteuid() && owner.st_gid == ::getegid()) return true;
  const auto status = queue.status();
  if (!status) return true;
  const std::uint64_t max_bytes = header.max_bytes != 0 ? header.max_bytes : status->max_bytes;
  return queue.set({owner.st_uid, owner.st_gid, header.mode, max_bytes});
}

ipc::MessageQueue make_queue(const ipc::KeyFile& file, Header& header) {
  const struct stat owner = file.status();
  if (::geteuid() != 0 && ::geteuid() != owner.st_uid)
    throw ipc::Error(EPERM, "make the kernel's queue anew", kKind);
  const std::uint64_t boot = ipc::this_boot();
  const std::uint64_t space = this_space();
  if (header.boot == boot && header.space != space && header.space != 0 && space != 0)
    throw ipc::BadValue("was made in another IPC namespace, with which this one shares no queues");
  bool changed = header.boot != boot || header.space != space;
  for (;;) {
    header.boot = boot;
    header.space = space;
    if (changed) write_header(file, header);
    auto queue = ipc::MessageQueue::create(header.key, header.mode);
    if (!queue) {
      header.key = ipc::KeyFile::draw_key();
      changed = true;
      continue;
    }
    if (finish(*queue, owner, header)) return *queue;
    queue->remove();
    throw ipc::BadValue("the system does not let a kernel queue hold " + std::to_string(header.max_bytes) +
                        " bytes (kernel.msgmnb)");
  }
}

/// The file that is at the path, and its queue.
struct Mended {
  ipc::KeyFile file;
  ipc::MessageQueue queue;
};

/// With the lock on the file: makes the kernel's queue if there is none. Nothing when the file has gone meanwhile.
/// `is_new`: where it cannot be made, the file goes again.
std::optional<Mended> mend(const std::string& path, bool is_new) {
  auto file = ipc::KeyFile::open(path, O_RDWR, kKind);
  if (!file) return std::nullopt;
  const auto lock = file->lock();
  if (!file->is_at(path)) return std::nullopt;
  Header header = read_header(*file);
  if (auto present = find(*file, header)) {
    // Somebody may have given it another bound since, which we may not take back.
    if (!present->finished) static_cast<void>(finish(present->queue, file->status(), header));
    return Mended{std::move(*file), present->queue};
  }
  try {
    const auto queue = make_queue(*file, header);
    return Mended{std::move(*file), queue};
  } catch (...) {
    if (is_new) ::unlink(path.c_str());
    throw;
  }
}

/// As it is, or mended. Nothing when there is no file.
std::optional<Mended> look(const std::string& path, bool is_new) {
  auto file = ipc::KeyFile::open(path, O_RDONLY, kKind);
  if (!file) return std::nullopt;
  const auto present = find(*file, read_header(*file));
  if (!present || !present->finished) return mend(path, is_new);
  file->touch();
  return Mended{std::move(*file), present->queue};
}

}  // namespace

KernelFile::KernelFile(std::string path, ipc::KeyFile file, ipc::MessageQueue queue)
    : path_(std::move(path)), file_(std::move(file)), queue_(queue) {
  const Header header = read_header(file_);
  const auto status = queue_.status();
  packed_ = header.packed != 0;
  room_ = room_in(status ? status->max_bytes : ipc::MessageQueue::largest());
  max_message_ = static_cast<std::size_t>(largest_message(header, room_));
}

std::optional<KernelFile> KernelFile::open(const std::string& path, const Shape* shape) {
  if (shape != nullptr) check_kind(*shape);
  for (bool is_new = false;; is_new = true) {
    if (auto found = look(path, is_new)) {
      const auto status = found->queue.status();
      if (!status) continue;  // removed meanwhile
      if (shape != nullptr) check_agrees(*shape, read_header(found->file), *status);
      return KernelFile(path, std::move(found->file), found->queue);
    }
    if (shape == nullptr || !shape->kernel) return std::nullopt;
    make_file(path, *shape);
  }
}

bool KernelFile::has_priorities() const { return read_header(file_).priorities != 0; }

void KernelFile::note_priorities() {
  const auto file = ipc::KeyFile::open(path_, O_RDWR, kKind);
  if (!file) return;  // it has been removed, as the next call will find
  // Who mends it writes the whole header.
  const auto lock = file->lock();
  Header header = read_header(*file);
  header.priorities = 1;
  write_header(*file, header);
}

bool KernelFile::remove(const std::string& path) {
  const auto file = ipc::KeyFile::open(path, O_RDWR, kKind);
  if (!file) return false;
  const auto lock = file->lock();
  if (!file->is_at(path)) return false;
  const Header header = read_header(*file);
  if (auto present = find(*file, header)) present->queue.remove();
  if (::unlink(path.c_str()) != 0) ipc::throw_errno("remove", kKind);
  return true;
}

}  // namespace queue
