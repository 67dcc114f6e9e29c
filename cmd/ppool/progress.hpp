#pragma once
/// --progress: the text of the bar or line. Drawing is the Printer's business.

#include <cstdint>
#include <optional>
#include <string>

#include "ipc/deadline.hpp"

struct ProgressCounts {
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t running = 0;
  std::uint64_t known = 0;      ///< jobs known of so far
  bool known_is_total = false;  ///< there will be no more
};

/// "12/57+ done, 2 running, 0 failed, 3.2/s, ETA 0:14"; the + says that more may come, and then the ETA is that of
/// what is known.
[[nodiscard]] std::string progress_text(const ProgressCounts& counts, ipc::Duration elapsed);

/// The same behind a bar, in `width` columns.
[[nodiscard]] std::string progress_bar(const ProgressCounts& counts, ipc::Duration elapsed, unsigned width);
