#include "queue/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "ipc/error.hpp"

namespace queue {
namespace {

constexpr std::size_t kPage = 4096;

/// Where the file system cannot allocate, zeros are written; [from, to) is beyond the end of the file.
int write_zeros(int fd, off_t from, off_t to) noexcept {
  static constexpr char kZeros[kPage] = {};
  while (from < to) {
    const auto part = std::min<off_t>(to - from, static_cast<off_t>(kPage));
    const ssize_t n = ::pwrite(fd, kZeros, static_cast<std::size_t>(part), from);
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) from += n;
  }
  return 0;
}

}  // namespace

int allocate(int fd, off_t from, off_t to) noexcept {
  for (;;) {
    if (::fallocate(fd, 0, from, to - from) == 0) return 0;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros(fd, from, to);
    if (errno != EINTR) return errno;
  }
}

int sync_file(int fd) noexcept {
  while (::fsync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int sync_data(int fd) noexcept {
  while (::fdatasync(fd) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

void insist_on(int errnum, const std::string& what) {
  if (errnum != 0) throw ipc::Error(errnum, "sync", what);
}

ipc::Fd open_in(int directory, const char* name, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0) return ipc::Fd(fd);
    if (errno != EINTR) ipc::throw_errno("", name);
  }
}

ipc::Fd open_if_there(int directory, const char* name, int flags) {
  for (;;) {
    const int fd = ::openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) return ipc::Fd(fd);
    if (errno == ENOENT) return {};
    if (errno != EINTR) ipc::throw_errno("", name);
  }
}

MappedFile::MappedFile(int directory, const char* name, When when) : directory_(directory), name_(name) {
  if (when == When::now) follow();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : directory_(other.directory_),
      fd_(std::move(other.fd_)),
      name_(other.name_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      device_(other.device_),
      inode_(other.inode_) {}

int MappedFile::descriptor() {
  if (!fd_) fd_ = open_in(directory_, name_, O_RDWR);
  return fd_.get();
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

std::size_t MappedFile::size_now() {
  struct stat status {};
  if (::fstat(descriptor(), &status) != 0) ipc::throw_errno("", name_);
  if (!S_ISREG(status.st_mode)) throw ipc::Error(EINVAL, "", name_);
  device_ = status.st_dev;
  inode_ = status.st_ino;
  return static_cast<std::size_t>(status.st_size);
}

void MappedFile::map(std::size_t size) {
  if (size == size_) return;
  void* memory = MAP_FAILED;
  if (data_ != nullptr && size > 0) {
    memory = ::mremap(data_, size_, size, MREMAP_MAYMOVE);
  } else if (size > 0) {
    memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor(), 0);
  }
  if (size > 0 && memory == MAP_FAILED) ipc::throw_errno("map", name_);
  if (size == 0 && data_ != nullptr) ::munmap(data_, size_);
  data_ = size > 0 ? static_cast<char*>(memory) : nullptr;
  size_ = size;
}

void MappedFile::grow(std::size_t size) {
  if (size <= size_) return;
  const std::size_t present = size_now();
  if (size <= present) return map(present);
  // By a quarter at least, so that many small steps cost little; by what is needed where there is no more.
  const std::size_t needed = (size + kPage - 1) / kPage * kPage;
  const std::size_t wanted = std::max(needed, (present + present / 4 + kPage - 1) / kPage * kPage);
  int errnum = allocate(descriptor(), static_cast<off_t>(present), static_cast<off_t>(wanted));
  if (errnum == ENOSPC && wanted > needed) {
    errnum = allocate(descriptor(), static_cast<off_t>(present), static_cast<off_t>(needed));
  }
  if (errnum != 0) throw ipc::Error(errnum, "", name_);
  follow();
}

void MappedFile::follow() { map(size_now()); }

bool MappedFile::follow(std::size_t size) {
  if (size_now() < size) return false;
  map(size);
  return true;
}

void MappedFile::shrink(std::size_t size) {
  map(size);
  while (::ftruncate(descriptor(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) ipc::throw_errno("", name_);
  }
}

/// Puts 0 where 0 is: a store in any case, and no change.
void MappedFile::touch() noexcept {
  if (data_ == nullptr) return;
  std::uint64_t zero = 0;
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(data_)).compare_exchange_strong(zero, 0);
}

void MappedFile::forget_pages() noexcept {
  if (data_ != nullptr) ::madvise(data_, size_, MADV_DONTNEED);
}

}  // namespace queue
