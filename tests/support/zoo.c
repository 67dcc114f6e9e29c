// zoo: children that behave oddly, one verb each. FILE always appears whole, when what the verb says is true.
//
//   zoo args [ARG...]            print every ARG as a netstring (LENGTH:BYTES,) and a newline
//   zoo die SIGNAL               die of signal number SIGNAL
//   zoo double-fork FILE         leave a grandchild in this process group that holds stdout and stderr; its pid in FILE
//   zoo env NAME...              print NAME=VALUE, or "NAME unset"
//   zoo exec COMMAND [ARG...]    become COMMAND; nonblock: with stdout made non-blocking
//   zoo fds                      print the numbers of the open descriptors, in one line
//   zoo flood LETTER BYTES       write BYTES of LETTER to stdout and of its lower case to stderr, in turns
//   zoo hold-pipe FILE GATE      print "early" and exit; what is left waits for a line of the FIFO GATE, then prints
//                                "late" and says in FILE.late how that went ("wrote" or the error); its pid in FILE
//   zoo ids                      print "pid PID pgid PGID sid SID ppid PPID"
//   zoo ignore-term FILE         ignore TERM, INT and HUP for ever; its pid in FILE
//   zoo join-parent FILE         move into the process group of its parent, pid in FILE, then wait for ever
//   zoo leaderless FILE          end the first thread and leave another, which waits for ever or until its parent has
//                                ended; pid in FILE
//   zoo no-newline TEXT          write TEXT, and no newline
//   zoo setsid FILE              as double-fork, but the grandchild is in a session of its own
//   zoo signals                  print the blocked mask and the ignored dispositions
//   zoo stop-self FILE           pid in FILE, stop by SIGSTOP; once continued, print "continued"
//   zoo trap FILE STATUS         pid in FILE, print "ready", wait for INT, TERM or HUP; print its name, also into
//                                FILE.got, and exit with STATUS
//   zoo tree FILE                fork two generations, all in this group and waiting for ever; their pids in FILE
//   zoo tty-read                 print the line read from the terminal, which is /dev/tty
//   zoo stdin-read               print the line read from stdin
//   zoo wait FILE                pid in FILE, then wait for ever

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char* what) {
  fprintf(stderr, "zoo: %s: %s\n", what, strerror(errno));
  _exit(99);
}

static void write_whole(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t done = write(fd, bytes, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("write");
    bytes += done;
    size -= (size_t)done;
  }
}

// Makes the file appear with its text already in it.
static void publish(const char* path, const char* format, ...) __attribute__((format(printf, 2, 3)));
static void publish(const char* path, const char* format, ...) {
  char beside[4096];
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(beside, sizeof beside, "%s.new.%d", path, (int)getpid());
  const int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) fail(beside);
  write_whole(fd, text, (size_t)size);
  close(fd);
  if (rename(beside, path) != 0) fail(path);
}

static void publish_pid(const char* path) { publish(path, "%d\n", (int)getpid()); }

static void wait_for_ever(void) {
  for (;;) pause();
}

static void wait_for_file(const char* path) {
  const struct timespec tick = {0, 1000000};
  while (access(path, F_OK) != 0) nanosleep(&tick, NULL);
}

static int args(char** argv) {
  for (; *argv != NULL; ++argv) printf("%zu:%s,", strlen(*argv), *argv);
  putchar('\n');
  return 0;
}

static int die(char** argv) {
  const int number = atoi(argv[0]);
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(number, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  return 99;
}

// Leaves a grandchild and returns in the process that goes on; the grandchild goes to `life`.
static int leave(const char* file, int own_session, void (*life)(void*), void* data) {
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    if (own_session && setsid() < 0) fail("setsid");
    const pid_t grandchild = fork();
    if (grandchild < 0) fail("fork");
    if (grandchild > 0) _exit(0);
    publish_pid(file);
    life(data);
    _exit(0);
  }
  while (waitpid(child, NULL, 0) != child) {
  }
  wait_for_file(file);
  return 0;
}

static void just_wait(void* data) {
  (void)data;
  wait_for_ever();
}

static int double_fork(char** argv) { return leave(argv[0], 0, just_wait, NULL); }

static int own_session(char** argv) { return leave(argv[0], 1, just_wait, NULL); }

static void write_late(void* data) {
  char** argv = data;
  char late[4096];
  char byte;
  signal(SIGPIPE, SIG_IGN);
  snprintf(late, sizeof late, "%s.late", argv[0]);
  const int gate = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (gate < 0 || read(gate, &byte, 1) != 1) fail(argv[1]);
  if (write(STDOUT_FILENO, "late\n", 5) == 5) {
    publish(late, "wrote\n");
  } else {
    publish(late, "%s\n", strerror(errno));
  }
}

static int hold_pipe(char** argv) {
  write_whole(STDOUT_FILENO, "early\n", 6);
  return leave(argv[0], 0, write_late, argv);
}

static int print_env(char** argv) {
  for (; *argv != NULL; ++argv) {
    const char* value = getenv(*argv);
    if (value == NULL) {
      printf("%s unset\n", *argv);
    } else {
      printf("%s=%s\n", *argv, value);
    }
  }
  return 0;
}

static int become(char** argv) {
  execvp(argv[0], argv);
  fail(argv[0]);
  return 99;
}

static int nonblock(char** argv) {
  if (fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK) != 0) fail("stdout");
  return become(argv);
}

static int fds(char** argv) {
  (void)argv;
  const char* separator = "";
  for (int fd = 0; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    printf("%s%d", separator, fd);
    separator = " ";
  }
  putchar('\n');
  return 0;
}

static int flood(char** argv) {
  char out[4093];  // no power of two: pieces never line up with a pipe's pages
  char err[sizeof out];
  long left = atol(argv[1]);
  memset(out, toupper((unsigned char)argv[0][0]), sizeof out);
  memset(err, tolower((unsigned char)argv[0][0]), sizeof err);
  while (left > 0) {
    const size_t size = left < (long)sizeof out ? (size_t)left : sizeof out;
    write_whole(STDOUT_FILENO, out, size);
    write_whole(STDERR_FILENO, err, size);
    left -= (long)size;
  }
  return 0;
}

static int ids(char** argv) {
  (void)argv;
  printf("pid %d pgid %d sid %d ppid %d\n", (int)getpid(), (int)getpgrp(), (int)getsid(0), (int)getppid());
  return 0;
}

static int ignore_term(char** argv) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  publish_pid(argv[0]);
  wait_for_ever();
  return 0;
}

static int join_parent(char** argv) {
  if (setpgid(0, getpgid(getppid())) != 0) fail("setpgid");
  publish_pid(argv[0]);
  wait_for_ever();
  return 0;
}

static pthread_t first_thread;

static void* outlive(void* file) {
  char path[64];
  char stat[512] = "";
  const struct timespec tick = {0, 1000000};
  // No /proc file tells any more whose test this belongs to, so that nobody would find it after a failure.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pthread_join(first_thread, NULL);
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)getpid(), (int)getpid());
  while (strstr(stat, ") Z") == NULL) {
    nanosleep(&tick, NULL);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, stat, sizeof stat - 1) < 0) fail(path);
    close(fd);
  }
  publish_pid(file);
  wait_for_ever();
  return NULL;
}

static int leaderless(char** argv) {
  pthread_t other;
  first_thread = pthread_self();
  if (pthread_create(&other, NULL, outlive, argv[0]) != 0) fail("pthread_create");
  pthread_exit(NULL);
}

static int no_newline(char** argv) {
  write_whole(STDOUT_FILENO, argv[0], strlen(argv[0]));
  return 0;
}

static int print_signals(char** argv) {
  (void)argv;
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  fputs("blocked:", stdout);
  for (int number = 1; number < 65; ++number) {
    if (sigismember(&blocked, number) == 1) printf(" %d", number);
  }
  fputs("\nignored:", stdout);
  for (int number = 1; number < 65; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf(" %d", number);
  }
  putchar('\n');
  return 0;
}

static int stop_self(char** argv) {
  publish_pid(argv[0]);
  raise(SIGSTOP);
  puts("continued");
  return 0;
}

static int trap(char** argv) {
  char got[4096];
  sigset_t set;
  int number = 0;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  write_whole(STDOUT_FILENO, "ready\n", 6);
  publish_pid(argv[0]);
  sigwait(&set, &number);
  const char* name = number == SIGINT ? "INT" : number == SIGTERM ? "TERM" : "HUP";
  snprintf(got, sizeof got, "%s.got", argv[0]);
  publish(got, "%s\n", name);
  printf("%s\n", name);
  return atoi(argv[1]);
}

static int tree(char** argv) {
  int ready[2];
  pid_t below[2] = {0, 0};
  if (pipe(ready) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    below[0] = getpid();
    const pid_t grandchild = fork();
    if (grandchild == 0) wait_for_ever();
    below[1] = grandchild;
    write_whole(ready[1], (const char*)below, sizeof below);
    wait_for_ever();
  }
  if (read(ready[0], below, sizeof below) != (ssize_t)sizeof below) fail("read");
  publish(argv[0], "%d\n%d\n%d\n", (int)getpid(), (int)below[0], (int)below[1]);
  wait_for_ever();
  return 0;
}

static int print_line_of(int fd) {
  char line[256];
  const ssize_t size = read(fd, line, sizeof line - 1);
  if (size < 0) fail("read");
  line[size] = '\0';
  line[strcspn(line, "\n")] = '\0';
  printf("read <%s>\n", line);
  return 0;
}

static int tty_read(char** argv) {
  (void)argv;
  const int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("/dev/tty");
  return print_line_of(fd);
}

static int stdin_read(char** argv) {
  (void)argv;
  return print_line_of(STDIN_FILENO);
}

static int wait_verb(char** argv) {
  publish_pid(argv[0]);
  wait_for_ever();
  return 0;
}

static const struct {
  const char* name;
  int operands;
  int (*run)(char**);
} kVerbs[] = {
    {"args", 0, args},
    {"die", 1, die},
    {"double-fork", 1, double_fork},
    {"env", 1, print_env},
    {"exec", 1, become},
    {"nonblock", 1, nonblock},
    {"fds", 0, fds},
    {"flood", 2, flood},
    {"hold-pipe", 2, hold_pipe},
    {"ids", 0, ids},
    {"ignore-term", 1, ignore_term},
    {"join-parent", 1, join_parent},
    {"leaderless", 1, leaderless},
    {"no-newline", 1, no_newline},
    {"setsid", 1, own_session},
    {"signals", 0, print_signals},
    {"stop-self", 1, stop_self},
    {"trap", 2, trap},
    {"tree", 1, tree},
    {"tty-read", 0, tty_read},
    {"stdin-read", 0, stdin_read},
    {"wait", 1, wait_verb},
};

int main(int argc, char** argv) {
  for (size_t i = 0; argc > 1 && i < sizeof kVerbs / sizeof *kVerbs; ++i) {
    if (strcmp(argv[1], kVerbs[i].name) != 0) continue;
    if (argc - 2 < kVerbs[i].operands) break;
    return kVerbs[i].run(argv + 2);
  }
  fputs("zoo: unknown verb, or too few operands: see the head of zoo.c\n", stderr);
  return 99;
}
