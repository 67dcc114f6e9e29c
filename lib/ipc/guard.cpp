#include "ipc/guard.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <new>

#include "ipc/error.hpp"
#include "ipc/pipe.hpp"

namespace ipc {
namespace {

void close_from(unsigned lowest) noexcept {
  if (::syscall(SYS_close_range, lowest, ~0U, 0U) == 0) return;
  for (int fd = static_cast<int>(lowest); fd < 65536; ++fd) ::close(fd);
}

/// The guard's whole life. Calls nothing that could need a lock or memory.
[[noreturn]] void keep_watch(int lifeline, const std::atomic<pid_t>* groups, std::size_t slots) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_NAME, "ipc-guard");
  ::dup2(lifeline, 0);
  close_from(1);
  if (::chdir("/") != 0) {
    // It then keeps the directory busy, no more.
  }
  char byte;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  for (std::size_t i = 0; i < slots; ++i) {
    const pid_t group = groups[i].load();
    if (group > 1) ::kill(-group, SIGKILL);
  }
  ::_exit(0);
}

}  // namespace

Guard::Guard(std::size_t slots) : slots_(slots) {
  static_assert(std::atomic<pid_t>::is_always_lock_free);
  void* memory = ::mmap(nullptr, slots * sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_errno("mmap", "guard");
  groups_ = static_cast<std::atomic<pid_t>*>(memory);  // zero pages are valid, empty slots
  Pipe pipe = Pipe::create();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  if (pid_ == 0) keep_watch(pipe.read_end.get(), groups_, slots);
  const int errnum = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) {
    ::munmap(memory, slots * sizeof(std::atomic<pid_t>));
    throw Error(errnum, "fork", "guard");
  }
  lifeline_ = std::move(pipe.write_end);
}

void Guard::dismiss() noexcept {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  ::munmap(groups_, slots_ * sizeof(std::atomic<pid_t>));
}

}  // namespace ipc
