// early_stop ROUNDS COMMAND [ARG...]: types Ctrl-Z to COMMAND while it is still starting, each time at another moment.
//
// Each round is a session on a pty of its own, whose leader starts COMMAND as a shell with job control does: in a group
// of its own, in the foreground. Ctrl-Z is typed up to 1.5 ms after that group has got the terminal, or up to 0.1 ms
// after another one (that of COMMAND's own child) has. COMMAND has to stop, and once it has been brought to the
// foreground again and got TERM, has to end, each within 5 s. Exits 0 when it always did, else 1 at once.

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int changes_within(pid_t job, int* status, double seconds) {
  const double deadline = now() + seconds;
  const struct timespec tick = {0, 500000};
  while (now() < deadline) {
    if (waitpid(job, status, WUNTRACED | WNOHANG) == job) return 1;
    nanosleep(&tick, NULL);
  }
  return 0;
}

static void give_up(pid_t job, const char* what, int report) {
  dprintf(report, "early_stop: %s\n", what);
  const pid_t foreground = tcgetpgrp(0);
  if (foreground > 1 && foreground != getpid()) kill(-foreground, SIGKILL);
  kill(-job, SIGKILL);
  _exit(1);
}

// The session's leader, on its terminal.
static void lead(char** command, int report) {
  fcntl(report, F_SETFD, FD_CLOEXEC);
  for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
  signal(SIGTTOU, SIG_IGN);
  const pid_t job = fork();
  if (job == 0) {
    setpgid(0, 0);
    tcsetpgrp(0, getpid());
    signal(SIGTTOU, SIG_DFL);
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  if (!changes_within(job, &status, 5)) give_up(job, "it neither stops nor ends", report);
  if (!WIFSTOPPED(status)) give_up(job, "it has ended, though nobody ended it", report);
  tcsetpgrp(0, job);
  kill(-job, SIGCONT);
  kill(-job, SIGTERM);
  if (!changes_within(job, &status, 5)) give_up(job, "it was stopped, and TERM does not end it", report);
  if (WIFSTOPPED(status)) give_up(job, "it has stopped again", report);
  _exit(0);
}

// Until the terminal's foreground group is neither of the two; or, after so long, not at all.
static pid_t await_group(int terminal, pid_t one, pid_t other, double seconds) {
  const double deadline = now() + seconds;
  pid_t group = tcgetpgrp(terminal);
  while ((group <= 0 || group == one || group == other) && now() < deadline) group = tcgetpgrp(terminal);
  return group;
}

static int play(int round, char** command) {
  int terminal = -1;
  const int report = dup(2);
  const pid_t leader = forkpty(&terminal, NULL, NULL, NULL);
  if (leader < 0) {
    perror("early_stop: forkpty");
    return 0;
  }
  if (leader == 0) lead(command, report);
  close(report);
  const pid_t job = await_group(terminal, leader, leader, 5);
  double moment = now() + (round * 7 % 32) * 50e-6;
  if (round % 2 == 1) {
    await_group(terminal, leader, job, 0.02);
    moment = now() + (round / 2 % 6) * 20e-6;
  }
  while (now() < moment) {
  }
  if (write(terminal, "\x1a", 1) != 1) perror("early_stop: write");
  int status = 0;
  while (waitpid(leader, &status, WNOHANG) == 0) {
    struct pollfd output = {terminal, POLLIN, 0};
    char buffer[4096];
    if (poll(&output, 1, 1) > 0 && read(terminal, buffer, sizeof buffer) < 0) poll(NULL, 0, 1);
  }
  close(terminal);
  return status == 0;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: early_stop ROUNDS COMMAND [ARG...]\n", stderr);
    return 2;
  }
  const int rounds = atoi(argv[1]);
  for (int round = 0; round < rounds; ++round) {
    if (play(round, argv + 2)) continue;
    fprintf(stderr, "early_stop: that was round %d\n", round);
    return 1;
  }
  return 0;
}
