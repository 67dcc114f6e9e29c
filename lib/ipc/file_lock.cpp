#include "ipc/file_lock.hpp"

#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>

#include "ipc/error.hpp"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace ipc {
namespace {

constexpr long kRepeatNanoseconds = 5'000'000;

/// The timer is the system call's: the C library's can start threads, and brings their code along.
/// While it lives, a signal interrupts this thread's system calls from `deadline` on, again and again.
class Interrupter {
 public:
  explicit Interrupter(Deadline deadline) {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: the call ends with EINTR
    ::sigaction(signal_, &action, &action_before_);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal_);
    ::pthread_sigmask(SIG_UNBLOCK, &set, &mask_before_);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal_;
    event.sigev_notify_thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer_) != 0) {
      const int errnum = errno;
      restore();
      throw Error(errnum, "", "timer");
    }
    itimerspec times{};
    times.it_value = deadline.time();
    times.it_interval.tv_nsec = kRepeatNanoseconds;
    ::syscall(SYS_timer_settime, timer_, TIMER_ABSTIME, &times, nullptr);
  }
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;
  ~Interrupter() {
    ::syscall(SYS_timer_delete, timer_);
    restore();
  }

 private:
  void restore() noexcept {
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    ::sigaction(signal_, &action_before_, nullptr);
  }

  int signal_ = SIGRTMAX;  // nobody else means anything by it, as by SIGALRM
  struct sigaction action_before_ {};
  sigset_t mask_before_{};
  int timer_ = 0;
};

int operation_of(FileLock::Mode mode) noexcept { return mode == FileLock::Mode::shared ? LOCK_SH : LOCK_EX; }

[[noreturn]] void fail(int fd) { throw_errno("lock", "descriptor " + std::to_string(fd)); }

}  // namespace

std::optional<FileLock> FileLock::try_lock(int fd, Mode mode) {
  while (::flock(fd, operation_of(mode) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno != EINTR) fail(fd);
  }
  return FileLock(fd);
}

std::optional<FileLock> FileLock::lock(int fd, Mode mode, Deadline deadline) {
  std::optional<Interrupter> interrupter;
  if (!deadline.is_never()) interrupter.emplace(deadline);
  while (::flock(fd, operation_of(mode)) != 0) {
    if (errno != EINTR) fail(fd);
    if (deadline <= Deadline::now()) return std::nullopt;
  }
  return FileLock(fd);
}

void FileLock::unlock(int fd) {
  while (::flock(fd, LOCK_UN) != 0) {
    if (errno != EINTR) fail(fd);
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::flock(fd_, LOCK_UN);
}

}  // namespace ipc
