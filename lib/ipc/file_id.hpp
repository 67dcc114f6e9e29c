#pragma once
/// Which file it is, whatever its name.

#include <sys/types.h>

#include <optional>
#include <string>

namespace ipc {

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

/// The file behind a descriptor, or the one that `path` names, its links followed. Nothing, with errno set, when there
/// is none to be seen.
[[nodiscard]] std::optional<FileId> file_id(int fd) noexcept;
[[nodiscard]] std::optional<FileId> file_id(const std::string& path) noexcept;

}  // namespace ipc
