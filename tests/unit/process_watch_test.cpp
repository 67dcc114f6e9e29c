#include "ipc/process_watch.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "tap.hpp"

namespace {

using ipc::has_ended;
using ipc::watch_process;

Child sleeper() {
  return Child([] {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
    return 0;
  });
}

}  // namespace

TEST("a process that lives has not ended; this one, too") {
  const Child child = sleeper();
  const ipc::Fd watched = watch_process(child.pid());
  require(static_cast<bool>(watched));
  check(!has_ended(watched.get()));
  check(closes_on_exec(watched.get()));
  const ipc::Fd self = watch_process(::getpid());
  require(static_cast<bool>(self));
  check(!has_ended(self.get()));
}

TEST("the end of one can be waited for, and is seen before anybody has reaped it") {
  Child child = sleeper();
  const ipc::Fd watched = watch_process(child.pid());
  require(static_cast<bool>(watched));
  ::kill(child.pid(), SIGKILL);
  pollfd end{watched.get(), POLLIN, 0};
  check_equal(::poll(&end, 1, 20000), 1);
  check(has_ended(watched.get()));
  (void)child.wait();
  check(has_ended(watched.get()), "and afterwards");
}

TEST("one that is no child of ours is watched as well") {
  ipc::Pipe pipe = ipc::Pipe::create();
  // Ours forks another, and tells its number.
  Child parent([&] {
    const Child grandchild = sleeper();
    const pid_t pid = grandchild.pid();
    if (::write(pipe.write_end.get(), &pid, sizeof pid) != sizeof pid) return 1;
    for (;;) ::pause();
    return 0;
  });
  pid_t pid = 0;
  require(::read(pipe.read_end.get(), &pid, sizeof pid) == sizeof pid);
  const ipc::Fd watched = watch_process(pid);
  require(static_cast<bool>(watched));
  check(!has_ended(watched.get()));
  ::kill(pid, SIGKILL);
  pollfd end{watched.get(), POLLIN, 0};
  check_equal(::poll(&end, 1, 20000), 1);
  check(has_ended(watched.get()));
}

TEST("a number that is none gives nothing") {
  check(!watch_process(0x7FFFFFF0));
  check(!watch_process(0));
  check(!watch_process(-1));
  Child child = sleeper();
  const pid_t pid = child.pid();
  ::kill(pid, SIGKILL);
  (void)child.wait();
  check(!watch_process(pid));
}
