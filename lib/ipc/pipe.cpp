#include "ipc/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "ipc/error.hpp"

namespace ipc {

Pipe Pipe::create() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw_errno("", "pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

}  // namespace ipc
