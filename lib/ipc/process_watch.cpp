#include "ipc/process_watch.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ipc {

Fd watch_process(pid_t pid) noexcept {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));  // close-on-exec by itself
}

bool has_ended(int watched) noexcept {
  pollfd process{watched, POLLIN, 0};
  return ::poll(&process, 1, 0) > 0;
}

}  // namespace ipc
