#include "ipc/open_files.hpp"

#include <unistd.h>

#include <algorithm>

#include "ipc/fd.hpp"

namespace ipc {

OpenFiles make_room_for(unsigned jobs, std::uint64_t each, std::uint64_t besides) {
  OpenFiles room{jobs, 0, std::nullopt};
  rlimit limits{};
  if (::getrlimit(RLIMIT_NOFILE, &limits) != 0 || limits.rlim_cur == RLIM_INFINITY) return room;
  const auto in_use = static_cast<std::uint64_t>(duplicate(STDIN_FILENO).get());
  const std::uint64_t needed = in_use + besides + each * jobs;
  if (needed > limits.rlim_cur) {
    const rlimit inherited = limits;
    limits.rlim_cur = std::min<rlim_t>(needed, limits.rlim_max);
    if (limits.rlim_cur > inherited.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &limits) == 0) {
      room.inherited = inherited;
    } else {
      limits.rlim_cur = inherited.rlim_cur;
    }
  }
  room.limit = limits.rlim_cur;
  if (needed <= room.limit) return room;
  const std::uint64_t left = room.limit > in_use + besides ? room.limit - in_use - besides : 0;
  room.jobs = static_cast<unsigned>(std::max<std::uint64_t>(1, left / each));
  return room;
}

}  // namespace ipc
