#pragma once
/// Blocking until a descriptor is ready, for those calls that wait by themselves.

#include "ipc/deadline.hpp"
#include "queue/queue.hpp"

namespace queue {

enum class Woken { ready, watched, late };

/// Waits for `fd` to be readable, for any of `watched`, or until `deadline`. Throws ipc::Error.
[[nodiscard]] Woken wait_for(int fd, Watched watched, ipc::Deadline deadline);

}  // namespace queue
