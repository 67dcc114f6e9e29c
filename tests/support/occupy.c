// occupy FILE LIMIT MILLISECONDS: stands in for a critical section that admits LIMIT at once, and notices a crowd.
//
// It takes one of LIMIT places, adds its pid to FILE.in, stays for so long (-1: for ever), and exits 0. When every place
// belongs to somebody alive, one too many was let in: it adds a line to FILE.crowd and exits 70.
//
// A place is a byte of FILE under a record lock, so the kernel clears it however its owner dies. But it clears it late: a
// dying process gives its semaphores back before its files, so the owner of a place counts only while /proc does not say
// that it is exiting. Owners are looked at twice: only those who were there at both looks were there together.

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kMost = 64, kExiting = 0x4 };  // PF_EXITING of the kernel's sched.h, field 9 of /proc/PID/stat

static void fail(const char* what) {
  fprintf(stderr, "occupy: %s: %s\n", what, strerror(errno));
  exit(99);
}

static int take(int fd, int place) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
  if (fcntl(fd, F_SETLK, &lock) == 0) return 1;
  if (errno != EAGAIN && errno != EACCES) fail("lock");
  return 0;
}

static pid_t owner_of(int fd, int place) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
  if (fcntl(fd, F_GETLK, &lock) != 0) fail("look at a lock");
  return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static int lives(pid_t pid) {
  char path[64];
  char text[1024];
  unsigned flags = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char* rest = strrchr(text, ')');  // the name before it may hold anything
  if (rest == NULL || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1) fail(path);
  return (flags & kExiting) == 0;
}

static void append(const char* file, const char* suffix, const char* line) {
  char path[4096];
  snprintf(path, sizeof path, "%s%s", file, suffix);
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const size_t size = strlen(line);
  if (fd < 0 || write(fd, line, size) != (ssize_t)size) fail(path);
  close(fd);
}

// Says whether every place belongs to somebody alive, all of them at one moment; who, in `owners`.
static int crowded(int fd, int limit, pid_t* owners) {
  for (int place = 0; place < limit; ++place) {
    owners[place] = owner_of(fd, place);
    if (owners[place] == 0 || !lives(owners[place])) return 0;
  }
  for (int place = 0; place < limit; ++place) {
    if (owner_of(fd, place) != owners[place] || !lives(owners[place])) return 0;
  }
  return 1;
}

static void find_place(const char* file, int fd, int limit) {
  pid_t owners[kMost];
  for (;;) {
    for (int place = 0; place < limit; ++place) {
      if (take(fd, place)) return;
    }
    if (crowded(fd, limit, owners)) break;
    sched_yield();
  }
  char line[64 + 12 * kMost];
  int size = snprintf(line, sizeof line, "%d came in, and there were", (int)getpid());
  for (int place = 0; place < limit; ++place)
    size += snprintf(line + size, sizeof line - (size_t)size, " %d", (int)owners[place]);
  snprintf(line + size, sizeof line - (size_t)size, "\n");
  append(file, ".crowd", line);
  exit(70);
}

int main(int argc, char** argv) {
  const int limit = argc == 4 ? atoi(argv[2]) : 0;
  if (limit < 1 || limit > kMost) {
    fputs("usage: occupy FILE LIMIT MILLISECONDS\n", stderr);
    return 99;
  }
  const int fd = open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) fail(argv[1]);
  find_place(argv[1], fd, limit);

  char line[32];
  snprintf(line, sizeof line, "%d\n", (int)getpid());
  append(argv[1], ".in", line);
  const long stay = atol(argv[3]);
  if (stay < 0) {
    for (;;) pause();
  }
  struct timespec left = {stay / 1000, stay % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) {
  }
  return 0;
}
