#pragma once
/// The small file by which a System V object is found: its header has the object's random key.
///
/// It appears under its path at once and whole, so that nobody ever meets half of one; an empty file is somebody else's.
/// To make, mend or remove the object takes a lock on the file; the rest needs none. Who has waited for the lock must
/// ask whether the file is still there (is_at()).
///
/// What it throws calls the file by its `kind` ("semaphore"), which its user knows a better name for: BadValue ("not a
/// semaphore") for what is no regular file or has no good header, else Error.

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "ipc/fd.hpp"
#include "ipc/file_lock.hpp"

namespace ipc {

class KeyFile {
 public:
  /// Nothing when it is not there. `access`: O_RDONLY or O_RDWR.
  [[nodiscard]] static std::optional<KeyFile> open(const std::string& path, int access, const char* kind);
  /// Puts a file that begins with `header` there, unless there is one already.
  static void make(const std::string& path, std::span<const std::byte> header, mode_t mode, const char* kind);
  /// A key that nobody can guess or meet by chance.
  [[nodiscard]] static key_t draw_key();

  /// Borrowed.
  [[nodiscard]] int descriptor() const noexcept { return file_.get(); }
  /// `path` still names this file.
  [[nodiscard]] bool is_at(const std::string& path) const;
  [[nodiscard]] struct stat status() const;

  /// Fills `header`; false when the file is shorter.
  [[nodiscard]] bool read(std::span<std::byte> header) const;
  void write(std::span<const std::byte> header) const;
  [[noreturn]] void refuse() const;

  /// Making and mending take microseconds: who has the lock for seconds has been stopped in the middle, which is an
  /// Error (EBUSY).
  [[nodiscard]] FileLock lock() const;

  /// Its age tells what clears old files away that it is in use.
  void touch() const noexcept;

 private:
  KeyFile(Fd file, const char* kind) noexcept : file_(std::move(file)), kind_(kind) {}

  Fd file_;
  const char* kind_;
};

}  // namespace ipc
