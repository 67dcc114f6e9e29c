#include "ipc/guard.hpp"

#include <poll.h>
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

/// Its leader is waited for, if that is wanted: a killed process goes on for a moment.
void kill_group(pid_t group, bool wait) noexcept {
  const auto leader = wait ? static_cast<int>(::syscall(SYS_pidfd_open, group, 0U)) : -1;
  ::kill(-group, SIGKILL);
  if (leader < 0) return;
  pollfd ended{leader, POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
  ::close(leader);
}

/// The guard's whole life. Calls nothing that could need a lock or memory.
[[noreturn]] void keep_watch(int lifeline, int kept, const std::atomic<pid_t>* groups,
                             std::size_t slots) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_NAME, "ipc-guard");
  // Neither is below 3, where the tool has its standard descriptors.
  ::dup2(lifeline, 0);
  if (kept >= 0) ::dup2(kept, 1);
  close_from(kept >= 0 ? 2 : 1);
  if (::chdir("/") != 0) {
    // It then keeps the directory busy, no more.
  }
  char byte;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) {
  }
  for (std::size_t i = 0; i < slots; ++i) {
    const pid_t group = groups[i].load();
    if (group > 1) kill_group(group, kept >= 0);
  }
  ::_exit(0);
}

}  // namespace

Guard::Guard(std::size_t slots, int kept) : slots_(slots) {
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
  if (pid_ == 0) keep_watch(pipe.read_end.get(), kept, groups_, slots);
  const int errnum = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) {
    ::munmap(memory, slots * sizeof(std::atomic<pid_t>));
    throw Error(errnum, "fork", "guard");
  }
  lifeline_ = std::move(pipe.write_end);
}

void Guard::let_go() noexcept {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

void Guard::dismiss() noexcept {
  if (pid_ == 0) return;
  let_go();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  ::munmap(groups_, slots_ * sizeof(std::atomic<pid_t>));
}

}  // namespace ipc
