#include "ipc/roster.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <span>

#include "ipc/error.hpp"
#include "ipc/processes.hpp"

namespace ipc {
namespace {

constexpr std::size_t kBlock = 4096;

constexpr std::uint64_t owner_word(pid_t pid, Roster::State state) noexcept {
  return static_cast<std::uint64_t>(state) << 32 | static_cast<std::uint32_t>(pid);
}

constexpr pid_t pid_in(std::uint64_t owner) noexcept { return static_cast<pid_t>(owner & 0xFFFFFFFF); }

/// Nobody's any more. A number that another process has got meanwhile keeps its place until that one ends too.
bool is_vacant(std::uint64_t owner) noexcept {
  const pid_t pid = pid_in(owner);
  if (pid <= 0) return true;
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

Roster::Roster(int fd, std::size_t begin) : fd_(fd), begin_(begin) {
  static_assert(sizeof(Place) == 32 && std::atomic<std::uint64_t>::is_always_lock_free);
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno("", "semaphore");
  const auto present = static_cast<std::size_t>(status.st_size);
  map(present < kBlock ? kBlock : present / kBlock * kBlock);
  while (!claim()) map(size_ + kBlock);
  const auto facts = facts_of(::getpid());
  place_->since.store(std::time(nullptr));
  place_->boot.store(this_boot());
  place_->start.store(facts ? facts->start : 0);
}

Roster::~Roster() {
  if (place_ != nullptr) place_->owner.store(0);
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

void Roster::map(std::size_t size) {
  // Never makes it smaller, so that others may do the same at the same time.
  int errnum = EINTR;
  while (errnum == EINTR) errnum = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
  if (errnum != 0) throw Error(errnum, "allocate", "semaphore");
  if (memory_ != nullptr) ::munmap(memory_, size_);
  memory_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory_ == MAP_FAILED) {
    memory_ = nullptr;
    throw_errno("map", "semaphore");
  }
  size_ = size;
}

bool Roster::claim() {
  auto* first = reinterpret_cast<Place*>(static_cast<std::byte*>(memory_) + begin_);
  for (Place& place : std::span(first, (size_ - begin_) / sizeof(Place))) {
    std::uint64_t owner = place.owner.load();
    if (!is_vacant(owner)) continue;
    // The old start time stays for a moment: it is not ours, so that the entry does not count yet.
    if (!place.owner.compare_exchange_strong(owner, owner_word(::getpid(), State::waits))) continue;
    place_ = &place;
    return true;
  }
  return false;
}

void Roster::now(State state) noexcept {
  place_->since.store(std::time(nullptr));
  place_->owner.store(owner_word(::getpid(), state));
}

std::vector<Roster::Entry> Roster::entries(int fd, std::size_t begin) {
  struct Image {
    std::uint64_t owner;
    std::uint64_t start;
    std::int64_t since;
    std::uint64_t boot;
  };
  static_assert(sizeof(Image) == sizeof(Place));
  std::vector<Entry> running;
  Image image{};
  const std::uint64_t boot = this_boot();
  for (off_t at = static_cast<off_t>(begin);; at += static_cast<off_t>(sizeof image)) {
    const ssize_t count = ::pread(fd, &image, sizeof image, at);
    if (count < 0 && errno == EINTR) {
      at -= static_cast<off_t>(sizeof image);
      continue;
    }
    if (count < 0) throw_errno("read", "semaphore");
    if (count != static_cast<ssize_t>(sizeof image)) return running;
    const pid_t pid = pid_in(image.owner);
    if (pid <= 0 || image.boot != boot || !is_running(pid, image.start)) continue;
    running.push_back({pid, static_cast<State>(image.owner >> 32), image.since});
  }
}

}  // namespace ipc
