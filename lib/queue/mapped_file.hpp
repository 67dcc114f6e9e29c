#pragma once
/// A file of a queue's directory, mapped for reading and writing by every process that uses the queue.
/// Its blocks are allocated before it is mapped, so that a full disk is an Error and no SIGBUS.

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "ipc/fd.hpp"

namespace queue {

class MappedFile {
 public:
  enum class When { now, when_needed };
  /// Opens `name` in `directory` (borrowed), without following a link, and maps all of it; or does so at the first
  /// follow(), grow() or descriptor(). Throws ipc::Error.
  MappedFile(int directory, const char* name, When when = When::now);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  [[nodiscard]] int descriptor();
  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Which file it is, once it has been opened.
  [[nodiscard]] dev_t device() const noexcept { return device_; }
  [[nodiscard]] ino_t inode() const noexcept { return inode_; }

  /// Makes it at least as large. Pointers into it are invalid afterwards. Throws ipc::Error (ENOSPC).
  void grow(std::size_t size);
  /// Maps what others have added. Pointers are invalid afterwards.
  void follow();
  /// The same, where the caller knows how long it should be by now: false when it is not.
  [[nodiscard]] bool follow(std::size_t size);
  /// Cuts it down to `size` bytes, whole pages, for all: nobody may use what is beyond. Throws ipc::Error.
  void shrink(std::size_t size);
  /// Its first page is about to be changed. To write to it before anything is read from it takes one page fault instead of
  /// two.
  void touch() noexcept;
  /// Lets go of the memory that the mapping has brought in; the contents stay.
  void forget_pages() noexcept;

 private:
  [[nodiscard]] std::size_t size_now();
  void map(std::size_t size);

  int directory_;
  ipc::Fd fd_;
  const char* name_;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Gives bytes [from, to) of a file blocks of their own. Returns 0 or the errno.
[[nodiscard]] int allocate(int fd, off_t from, off_t to) noexcept;

/// fsync(2) and fdatasync(2), repeated on EINTR. Return 0 or the errno.
[[nodiscard]] int sync_file(int fd) noexcept;
[[nodiscard]] int sync_data(int fd) noexcept;
/// Throws ipc::Error when `errnum`, which syncing `what` has returned, is one.
void insist_on(int errnum, const std::string& what);

/// openat(2) with O_NOFOLLOW and O_CLOEXEC. Throws ipc::Error that names `name`.
[[nodiscard]] ipc::Fd open_in(int directory, const char* name, int flags, mode_t mode = 0);
/// The same; none when it is missing.
[[nodiscard]] ipc::Fd open_if_there(int directory, const char* name, int flags);

}  // namespace queue
