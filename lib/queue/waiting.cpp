#include "queue/waiting.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "ipc/error.hpp"

namespace queue {

Woken wait_for(int fd, Watched watched, ipc::Deadline deadline) {
  std::vector<pollfd> all(watched.begin(), watched.end());
  all.push_back({fd, POLLIN, 0});
  for (;;) {
    const int timeout = deadline.is_never() ? -1 : deadline.poll_timeout(ipc::Deadline::now());
    const int ready = ::poll(all.data(), all.size(), timeout);
    if (ready < 0 && errno != EINTR) ipc::throw_errno("", "poll");
    if (ready < 0) continue;
    std::transform(all.begin(), all.end() - 1, watched.begin(), [](const pollfd& one) { return one; });
    if (std::any_of(watched.begin(), watched.end(), [](const pollfd& one) { return one.revents != 0; })) {
      return Woken::watched;
    }
    if (all.back().revents != 0) return Woken::ready;
    if (!deadline.is_never() && deadline <= ipc::Deadline::now()) return Woken::late;
  }
}

}  // namespace queue
