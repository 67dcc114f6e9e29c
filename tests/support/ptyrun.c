// ptyrun [-t SECONDS] SCRIPT COMMAND [ARG...]: runs COMMAND on a terminal of its own and plays a script to it.
//
// COMMAND becomes the leader of a new session whose controlling terminal is a fresh pty of 80x24, as a login shell is.
// SCRIPT is text, one step a line, done in order:
//   expect TEXT    wait until TEXT has appeared in the output, after what the step before it matched
//   send TEXT      type TEXT; \n \r \t \\ and \xHH are bytes
//   until COMMAND  wait until sh -c COMMAND exits 0 (tried every 20 ms; the output is read meanwhile)
// What the terminal showed goes to stdout. Exits with COMMAND's status (128+N for a signal), or with 97 when a step
// was not fulfilled within SECONDS (10) or before COMMAND ended; COMMAND's session is then killed.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int terminal = -1;
static int ended;  // the terminal has no user left
static pid_t session;
static char* shown;
static size_t shown_size;
static size_t matched;  // how far into `shown` the last expect got
static double seconds = 10;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void give_up(const char* step) {
  fprintf(stderr, "ptyrun: not fulfilled: %s\n", step);
  const pid_t foreground = tcgetpgrp(terminal);
  kill(-session, SIGKILL);
  if (foreground > 1) kill(-foreground, SIGKILL);
  kill(session, SIGKILL);
  close(terminal);
  waitpid(session, NULL, 0);
  exit(97);
}

// Reads what the terminal shows, waiting at most so long for more.
static void look(int milliseconds) {
  struct pollfd ready = {terminal, POLLIN, 0};
  if (ended) {
    const struct timespec tick = {0, milliseconds * 1000000L};
    nanosleep(&tick, NULL);
    return;
  }
  if (poll(&ready, 1, milliseconds) <= 0) return;
  char buffer[65536];
  const ssize_t size = read(terminal, buffer, sizeof buffer);
  if (size <= 0) {
    ended = size == 0 || errno != EINTR;
    return;
  }
  fwrite(buffer, 1, (size_t)size, stdout);
  fflush(stdout);
  shown = realloc(shown, shown_size + (size_t)size);
  memcpy(shown + shown_size, buffer, (size_t)size);
  shown_size += (size_t)size;
}

static void expect(const char* text, const char* step) {
  const double deadline = now() + seconds;
  const size_t length = strlen(text);
  for (;;) {
    char* found = shown_size > matched ? memmem(shown + matched, shown_size - matched, text, length) : NULL;
    if (found != NULL) {
      matched = (size_t)(found - shown) + length;
      return;
    }
    if (ended || now() > deadline) give_up(step);
    look(20);
  }
}

static size_t unescape(char* text) {
  char* to = text;
  for (const char* from = text; *from != '\0'; ++from) {
    if (*from != '\\') {
      *to++ = *from;
      continue;
    }
    ++from;
    if (*from == 'x') {
      const char digits[3] = {from[1], from[2], '\0'};
      *to++ = (char)strtol(digits, NULL, 16);
      from += 2;
    } else {
      *to++ = (char)(*from == 'n' ? '\n' : *from == 'r' ? '\r' : *from == 't' ? '\t' : *from);
    }
  }
  return (size_t)(to - text);
}

static void until(const char* command, const char* step) {
  const double deadline = now() + seconds;
  for (;;) {
    const pid_t child = fork();
    if (child == 0) {
      const int null = open("/dev/null", O_RDWR);
      dup2(null, 0);
      dup2(null, 1);
      close(terminal);
      execl("/bin/sh", "sh", "-c", command, (char*)NULL);
      _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) look(5);
    if (status == 0) return;
    if (now() > deadline) give_up(step);
    look(20);
  }
}

static void play(char* step) {
  char* whole = strdup(step);
  if (strncmp(step, "expect ", 7) == 0) {
    unescape(step + 7);
    expect(step + 7, whole);
  } else if (strncmp(step, "send ", 5) == 0) {
    const size_t size = unescape(step + 5);
    if (write(terminal, step + 5, size) != (ssize_t)size) give_up(whole);
  } else if (strncmp(step, "until ", 6) == 0) {
    until(step + 6, whole);
  } else if (*step != '\0') {
    fprintf(stderr, "ptyrun: unknown step: %s\n", step);
    exit(96);
  }
  free(whole);
}

int main(int argc, char** argv) {
  int option;
  while ((option = getopt(argc, argv, "+t:")) != -1) {
    if (option != 't') return 96;
    seconds = atof(optarg);
  }
  if (argc - optind < 2) {
    fputs("usage: ptyrun [-t SECONDS] SCRIPT COMMAND [ARG...]\n", stderr);
    return 96;
  }
  const struct winsize size = {.ws_row = 24, .ws_col = 80};
  session = forkpty(&terminal, NULL, NULL, &size);
  if (session < 0) {
    perror("ptyrun: forkpty");
    return 96;
  }
  if (session == 0) {
    for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
    execvp(argv[optind + 1], argv + optind + 1);
    perror(argv[optind + 1]);
    _exit(127);
  }
  fcntl(terminal, F_SETFD, FD_CLOEXEC);
  char* rest = strdup(argv[optind]);
  for (char* step; (step = strsep(&rest, "\n")) != NULL;) play(step + strspn(step, "\t "));

  const double deadline = now() + seconds;
  int status = 0;
  pid_t reaped = 0;
  while ((reaped = waitpid(session, &status, WNOHANG)) == 0) {
    if (now() > deadline) give_up("the command's end");
    look(20);
  }
  while (!ended) {
    struct pollfd ready = {terminal, POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) break;
    look(0);
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
