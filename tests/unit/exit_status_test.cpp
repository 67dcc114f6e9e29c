#include "ipc/exit_status.hpp"

#include <csignal>

#include "child.hpp"
#include "tap.hpp"

TEST("a process that exits leaves its code") {
  for (const int code : {0, 1, 2, 124, 127, 128, 255}) {
    const ipc::Ending ending = in_child([code] { return code; });
    check_equal(ending.code, code);
    check_equal(ending.signal, 0);
    check_equal(ending.status(), code);
    check_equal(ending.success(), code == 0);
  }
}

TEST("a process that a signal kills leaves its number, and 128 more as status") {
  for (const int signal : {SIGTERM, SIGKILL, SIGHUP}) {
    const ipc::Ending ending = in_child([signal] {
      ::signal(signal, SIG_DFL);
      ::raise(signal);
      return 0;
    });
    check_equal(ending.signal, signal);
    check_equal(ending.code, 0);
    check_equal(ending.status(), 128 + signal);
    check(!ending.success());
  }
}

TEST("a core dump does not change the signal") {
  check_equal(ipc::ending_of(SIGSEGV | 0x80).signal, SIGSEGV);
  check_equal(ipc::ending_of(SIGSEGV | 0x80).status(), 139);
}

TEST("the statuses that all tools share") {
  check_equal(ipc::kExitSuccess, 0);
  check_equal(ipc::kExitNo, 1);
  check_equal(ipc::kExitUsage, 2);
  check_equal(ipc::kExitClosed, 3);
  check_equal(ipc::kExitTimeout, 124);
  check_equal(ipc::kExitToolFailed, 125);
  check_equal(ipc::kExitCannotExec, 126);
  check_equal(ipc::kExitNotFound, 127);
  check_equal(ipc::kExitSignal, 128);
}
