#include "ipc/alarm.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "ipc/error.hpp"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace ipc {
namespace {

int the_signal() noexcept { return SIGRTMAX; }

}  // namespace

Interruptible::Interruptible() noexcept : thread_(static_cast<pid_t>(::syscall(SYS_gettid))) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: the call ends with EINTR
  ::sigaction(the_signal(), &action, &action_before_);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, the_signal());
  ::pthread_sigmask(SIG_UNBLOCK, &set, &mask_before_);
}

Interruptible::~Interruptible() {
  // A last strike that is still to be felt is felt at the end of this call, before the handler goes. No call of a timer
  // is: it goes with its timer.
  ::syscall(SYS_gettid);
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  ::sigaction(the_signal(), &action_before_, nullptr);
}

void Interruptible::strike() const noexcept { ::syscall(SYS_tgkill, ::getpid(), thread_, the_signal()); }

// The timer is the system call's: the C library's can start threads, and brings their code along.
Alarm::Alarm(Deadline deadline) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = the_signal();
  event.sigev_notify_thread_id = interruptible_.thread();
  if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer_) != 0) throw_errno("", "timer");
  itimerspec times{};
  times.it_value = deadline.time();
  times.it_interval.tv_nsec = static_cast<long>(Interruptible::kRepeat.count());
  ::syscall(SYS_timer_settime, timer_, TIMER_ABSTIME, &times, nullptr);
}

Alarm::~Alarm() { ::syscall(SYS_timer_delete, timer_); }

}  // namespace ipc
