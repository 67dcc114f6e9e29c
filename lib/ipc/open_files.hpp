#pragma once
/// How many descriptors this process may have: room is made for as many jobs as are to run at a time.

#include <sys/resource.h>

#include <cstdint>
#include <optional>

namespace ipc {

struct OpenFiles {
  unsigned jobs = 0;        ///< that there is room for: at least 1
  std::uint64_t limit = 0;  ///< in force from now on
  std::optional<rlimit>
      inherited;  ///< what children should be given back, where the soft limit has been raised
};

/// Room for `jobs` that need `each` descriptors, and `besides` for other things, on top of what is open now.
/// Raises the soft RLIMIT_NOFILE as far as they need it and the hard limit allows. Throws Error (no descriptor is left).
[[nodiscard]] OpenFiles make_room_for(unsigned jobs, std::uint64_t each, std::uint64_t besides);

}  // namespace ipc
