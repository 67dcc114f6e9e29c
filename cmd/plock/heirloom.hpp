#pragma once
/// What a holder leaves to its descendants besides the descriptor: an entry in the environment, PLOCK_HELD, for each
/// lock, "FD:DEV:INO:MODE:SINCE" (FD and SINCE decimal, the latter in seconds since the epoch; DEV and INO hexadecimal;
/// MODE X or S), separated by blanks, the newest last. It says where to look, and is never believed by itself: the
/// descriptor must be that file's, and the kernel must show the lock on it. Being in the process, it goes with it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/file_id.hpp"
#include "ipc/file_lock.hpp"

struct Heirloom {
  int fd = -1;
  ipc::FileId file;
  ipc::FileLock::Mode mode = ipc::FileLock::Mode::exclusive;
  std::int64_t since = 0;
};

inline constexpr const char* kHeirlooms = "PLOCK_HELD";

/// What cannot be read is left out.
[[nodiscard]] std::vector<Heirloom> parse_heirlooms(std::string_view text);
[[nodiscard]] std::string to_text(const Heirloom& heirloom);

/// Its descriptor is open in this process, on its file.
[[nodiscard]] bool is_open(const Heirloom& heirloom);

/// The mode in which this process itself has inherited a lock on `file`, by an entry that has been checked.
[[nodiscard]] std::optional<ipc::FileLock::Mode> inherited_lock(ipc::FileId file);
