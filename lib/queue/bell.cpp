#include "queue/bell.hpp"

#include <fcntl.h>

#include <cerrno>

#include "queue/mapped_file.hpp"

namespace queue {

void ring(int directory, const char* name) noexcept {
  for (;;) {
    // ENXIO: nobody listens.
    const ipc::Fd closed_at_once(::openat(directory, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    if (closed_at_once || errno != EINTR) return;
  }
}

ipc::Fd listen(int directory, const char* name) {
  return open_if_there(directory, name, O_RDONLY | O_NONBLOCK);
}

}  // namespace queue
