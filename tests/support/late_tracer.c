// late_tracer PID FILE: traces the process, as a debugger would, until it has ended; its parent can reap it only 0.2 s
// later. FILE appears when it is traced. Exits 0 in the end, 77 when it may not trace here.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: late_tracer PID FILE\n", stderr);
    return 2;
  }
  const pid_t pid = atoi(argv[1]);
  const int refused = ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0;
  if (refused) perror("late_tracer");
  close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (refused) return 77;
  for (;;) {
    int status = 0;
    siginfo_t info;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT) != 0) return 2;
    if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) break;
    // It has got a signal: that is for it.
    waitpid(pid, &status, __WALL);
    ptrace(PTRACE_CONT, pid, NULL, (void*)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
  }
  const struct timespec late = {0, 200000000};
  nanosleep(&late, NULL);
  waitpid(pid, NULL, __WALL);
  return 0;
}
