#pragma once
/// Files without a name: what is in one is gone with its last descriptor, however that goes.

#include <string>

#include "ipc/fd.hpp"

namespace ipc {

/// $TMPDIR when files can be made there, else /tmp.
[[nodiscard]] std::string temporary_directory();

/// An empty file in `directory`, to be written and read (O_TMPFILE, or unlinked at once where the file system has none).
/// Throws Error that names `directory`.
[[nodiscard]] Fd make_unnamed_file(std::string directory);

}  // namespace ipc
