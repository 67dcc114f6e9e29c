// fault_shim: put between a tool and libc by LD_PRELOAD, makes chosen calls fail.
//
//   FAULT=CALL:ERROR[:AFTER[:COUNT[:EVERY]]][,...]   e.g. FAULT=pipe2:EMFILE:4:2,read:EINTR:0:0:2
//   FAULT_IN=NAME                                    the program it applies to (ppool); its children are let be
//   FAULT_LOG=FILE                                   a line "CALL ERROR" for each failure made
//
// CALL lets AFTER calls through (0), then fails COUNT times (1; 0 = for ever), but only every EVERYth call (1).
// CALL is a name from the list below; open stands for openat too, write for pwrite, writev and pwritev, read likewise.
// Besides: spill-open (making an unnamed file), spill-write, spill-read and spill-grow (ftruncate, fallocate) concern
// regular files that have no name only, and flock-ro is an exclusive flock of a descriptor that is open for reading
// only, which NFS refuses. fstatfs-nfs, and its ERROR is idle: every file system says that it is NFS. A short write is not
// made here: ENOSPC on a full file system makes those.
// fork, vfork and clone cannot be caught here: strace -e inject does that.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct Fault {
  char call[24];
  int error;
  long after;
  long count;
  long every;
  long seen;
};

static struct Fault faults[16];
static int fault_count;
static const char* log_path;

static const struct {
  const char* name;
  int number;
} kErrors[] = {{"EAGAIN", EAGAIN}, {"EINTR", EINTR},           {"EIO", EIO},
               {"EMFILE", EMFILE}, {"ENFILE", ENFILE},         {"ENOMEM", ENOMEM},
               {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},         {"EPERM", EPERM},
               {"EBADF", EBADF},   {"EOPNOTSUPP", EOPNOTSUPP}, {"EINVAL", EINVAL},
               {"ENOSYS", ENOSYS}, {"ENOLCK", ENOLCK}};

static void parse(char* text) {
  char* rest = text;
  for (char* one; (one = strsep(&rest, ",")) != NULL && fault_count < 16;) {
    struct Fault* fault = &faults[fault_count];
    const char* call = strsep(&one, ":");
    const char* error = strsep(&one, ":");
    const char* after = strsep(&one, ":");
    const char* count = strsep(&one, ":");
    const char* every = strsep(&one, ":");
    if (error == NULL) continue;
    snprintf(fault->call, sizeof fault->call, "%s", call);
    for (size_t i = 0; i < sizeof kErrors / sizeof *kErrors; ++i) {
      if (strcmp(error, kErrors[i].name) == 0) fault->error = kErrors[i].number;
    }
    if (fault->error == 0) abort();
    fault->after = after != NULL ? atol(after) : 0;
    fault->count = count != NULL ? atol(count) : 1;
    fault->every = every != NULL ? atol(every) : 1;
    ++fault_count;
  }
}

__attribute__((constructor)) static void start(void) {
  const char* in = getenv("FAULT_IN");
  char* text = getenv("FAULT");
  if (text == NULL || (in != NULL && strcmp(in, program_invocation_short_name) != 0)) return;
  log_path = getenv("FAULT_LOG");
  parse(strdup(text));
}

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

static void tell(const struct Fault* fault) {
  if (log_path == NULL) return;
  char line[64];
  const int fd = ((int (*)(const char*, int, ...))real("open"))(
      log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const int size = snprintf(line, sizeof line, "%s %s\n", fault->call, strerrorname_np(fault->error));
  if (((ssize_t(*)(int, const void*, size_t))real("write"))(fd, line, (size_t)size) != size) abort();
  close(fd);
}

// Says whether this call is to fail, and with errno set.
static int fails(const char* call) {
  for (int i = 0; i < fault_count; ++i) {
    struct Fault* fault = &faults[i];
    if (strcmp(fault->call, call) != 0) continue;
    const long number = fault->seen++ - fault->after;
    if (number < 0 || (number + 1) % fault->every != 0) continue;
    if (fault->count != 0 && number / fault->every >= fault->count) continue;
    tell(fault);
    errno = fault->error;
    return 1;
  }
  return 0;
}

static int nameless(int fd) {
  struct stat status;
  const int saved = errno;
  const int answer = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 0;
  errno = saved;
  return answer;
}

#define REAL(name) ((__typeof__(&(name)))real(#name))
#define PASS(type, name, parameters, arguments) \
  type name parameters {                        \
    if (fails(#name)) return -1;                \
    return REAL(name) arguments;                \
  }
#define PASS_FD(type, name, family, parameters, arguments)                    \
  type name parameters {                                                      \
    if (fault_count > 0 && nameless(fd) && fails("spill-" family)) return -1; \
    if (fails(family)) return -1;                                             \
    return REAL(name) arguments;                                              \
  }

PASS(int, pipe2, (int fds[2], int flags), (fds, flags))
PASS(int, epoll_create1, (int flags), (flags))
PASS(int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event* event), (epoll, what, fd, event))
PASS(int, epoll_wait, (int epoll, struct epoll_event* events, int most, int wait),
     (epoll, events, most, wait))
PASS(int, fstat, (int fd, struct stat* status), (fd, status))
PASS(int, waitid, (idtype_t type, id_t id, siginfo_t* info, int flags), (type, id, info, flags))
PASS(pid_t, waitpid, (pid_t pid, int* status, int flags), (pid, status, flags))
PASS(int, mkdir, (const char* path, mode_t mode), (path, mode))
PASS(int, fsync, (int fd), (fd))
PASS(int, fdatasync, (int fd), (fd))
PASS(int, poll, (struct pollfd * fds, nfds_t count, int wait), (fds, count, wait))
PASS(int, ppoll, (struct pollfd * fds, nfds_t count, const struct timespec* wait, const sigset_t* mask),
     (fds, count, wait, mask))
PASS(int, unlink, (const char* path), (path))
PASS(int, unlinkat, (int directory, const char* path, int flags), (directory, path, flags))
PASS(int, rename, (const char* from, const char* to), (from, to))
PASS(int, renameat, (int here, const char* from, int there, const char* to), (here, from, there, to))
PASS(int, mkfifo, (const char* path, mode_t mode), (path, mode))
PASS(int, mkfifoat, (int directory, const char* path, mode_t mode), (directory, path, mode))
PASS_FD(int, ftruncate, "grow", (int fd, off_t size), (fd, size))
PASS_FD(int, ftruncate64, "grow", (int fd, off64_t size), (fd, size))
PASS_FD(int, fallocate, "grow", (int fd, int mode, off_t from, off_t size), (fd, mode, from, size))
PASS_FD(int, fallocate64, "grow", (int fd, int mode, off64_t from, off64_t size), (fd, mode, from, size))
PASS_FD(ssize_t, write, "write", (int fd, const void* bytes, size_t size), (fd, bytes, size))
PASS_FD(ssize_t, pwrite, "write", (int fd, const void* bytes, size_t size, off_t at), (fd, bytes, size, at))
PASS_FD(ssize_t, pwrite64, "write", (int fd, const void* bytes, size_t size, off64_t at),
        (fd, bytes, size, at))
PASS_FD(ssize_t, writev, "write", (int fd, const struct iovec* parts, int count), (fd, parts, count))
PASS_FD(ssize_t, pwritev, "write", (int fd, const struct iovec* parts, int count, off_t at),
        (fd, parts, count, at))
PASS_FD(ssize_t, pwritev64, "write", (int fd, const struct iovec* parts, int count, off64_t at),
        (fd, parts, count, at))
PASS_FD(ssize_t, read, "read", (int fd, void* bytes, size_t size), (fd, bytes, size))
PASS_FD(ssize_t, pread, "read", (int fd, void* bytes, size_t size, off_t at), (fd, bytes, size, at))
PASS_FD(ssize_t, pread64, "read", (int fd, void* bytes, size_t size, off64_t at), (fd, bytes, size, at))
PASS_FD(ssize_t, readv, "read", (int fd, const struct iovec* parts, int count), (fd, parts, count))

static int open_fails(int flags) {
  return ((flags & O_TMPFILE) == O_TMPFILE && fails("spill-open")) || fails("open");
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name, parameters, arguments)     \
  int name parameters {                       \
    va_list rest;                             \
    va_start(rest, flags);                    \
    const mode_t mode = mode_of(flags, rest); \
    va_end(rest);                             \
    if (open_fails(flags)) return -1;         \
    return REAL(name) arguments;              \
  }

OPEN(open, (const char* path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char* path, int flags, ...), (path, flags, mode))
OPEN(openat, (int directory, const char* path, int flags, ...), (directory, path, flags, mode))
OPEN(openat64, (int directory, const char* path, int flags, ...), (directory, path, flags, mode))

#define FCNTL(name)                                            \
  int name(int fd, int command, ...) {                         \
    va_list rest;                                              \
    va_start(rest, command);                                   \
    void* argument = va_arg(rest, void*);                      \
    va_end(rest);                                              \
    if (fails("fcntl")) return -1;                             \
    if (command == F_DUPFD_CLOEXEC && fails("dup")) return -1; \
    return REAL(name)(fd, command, argument);                  \
  }

FCNTL(fcntl)
FCNTL(fcntl64)

static int reads_only(int fd) {
  const int flags = ((int (*)(int, int, ...))real("fcntl"))(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

int flock(int fd, int operation) {
  if (fault_count > 0 && (operation & LOCK_EX) != 0 && reads_only(fd) && fails("flock-ro")) return -1;
  if (fails("flock")) return -1;
  return REAL(flock)(fd, operation);
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t from) {
  if (fd >= 0 && fails("mmap")) return MAP_FAILED;
  return REAL(mmap)(at, size, protection, flags, fd, from);
}

void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t from) {
  if (fd >= 0 && fails("mmap")) return MAP_FAILED;
  return REAL(mmap64)(at, size, protection, flags, fd, from);
}

#define STATFS(name, parameters, arguments)                                   \
  int name parameters {                                                       \
    if (fails(#name)) return -1;                                              \
    const int answer = REAL(name) arguments;                                  \
    if (answer == 0 && fails("fstatfs-nfs")) found->f_type = NFS_SUPER_MAGIC; \
    return answer;                                                            \
  }

STATFS(fstatfs, (int fd, struct statfs* found), (fd, found))
STATFS(fstatfs64, (int fd, struct statfs64* found), (fd, found))
STATFS(statfs, (const char* path, struct statfs* found), (path, found))
STATFS(statfs64, (const char* path, struct statfs64* found), (path, found))
