// stepkill [-s] [-o FILE] N COMMAND [ARG...]: kills COMMAND by SIGKILL at its Nth moment, counted from 1; 0 kills never.
//
// A moment is one at which others could find its files changed: just before each store into a shared mapping of a file
// and, with -s, before each system call. So a kill at every moment in turn has been everywhere that a kill can matter,
// in locked sections too. FILE gets a line for each moment up to the last one:
//   store NAME+OFFSET pc ADDRESS      call NUMBER
//
// How: the mappings are made read-only as they appear, so that every store faults; then the page is opened for one
// instruction. A string instruction (rep movs) is one store. Only COMMAND's first thread is watched, not what it starts.
// Exits 0 when it killed, 3 when COMMAND had ended before (with -s and without), 2 when something here failed.

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
typedef struct user_regs_struct Registers;
enum { kCallSize = 2 };
static unsigned long long pc_of(const Registers* r) { return r->rip; }
static long result_of(const Registers* r) { return (long)r->rax; }
static void set_call(Registers* r, unsigned long long at, long number, const unsigned long* arguments) {
  r->rip = at;
  r->rax = (unsigned long)number;
  r->orig_rax = ~0UL;
  r->rdi = arguments[0];
  r->rsi = arguments[1];
  r->rdx = arguments[2];
}
#elif defined(__aarch64__)
typedef struct user_regs_struct Registers;
enum { kCallSize = 4 };
static unsigned long long pc_of(const Registers* r) { return r->pc; }
static long result_of(const Registers* r) { return (long)r->regs[0]; }
static void set_call(Registers* r, unsigned long long at, long number, const unsigned long* arguments) {
  r->pc = at;
  r->regs[8] = (unsigned long)number;
  for (int i = 0; i < 3; ++i) r->regs[i] = arguments[i];
}
#else
#error "stepkill knows x86-64 and aarch64 only"
#endif

// A shared mapping of a file that may be written.
struct Range {
  unsigned long start;
  unsigned long size;
  unsigned long offset;  // in the file
  unsigned long protection;
  char name[256];
};

enum { kMost = 4096 };
static struct Range ranges[kMost];
static int range_count;
static unsigned long call_at;  // where a system call instruction is
static pid_t pid;
static FILE* moments;
static long moment, wanted;
static int calls_too;

static void fail(const char* what) {
  fprintf(stderr, "stepkill: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void must(long result, const char* what) {
  if (result < 0) fail(what);
}

static void end(int status) {
  if (moments != NULL && fclose(moments) != 0) fail("the list of moments");
  exit(status);
}

// Waits for it to stop; does not return when it has ended.
static int await_stop(void) {
  int status = 0;
  if (waitpid(pid, &status, __WALL) != pid) fail("wait");
  if (WIFSTOPPED(status)) return status;
  if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
    fprintf(stderr, "stepkill: it died of signal %d by itself\n", WTERMSIG(status));
  end(3);
  return 0;
}

__attribute__((format(printf, 1, 2))) static void pass_moment(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (moments != NULL) vfprintf(moments, format, arguments);
  va_end(arguments);
  if (++moment != wanted) return;
  must(kill(pid, SIGKILL), "kill");
  if (waitpid(pid, NULL, __WALL) != pid) fail("wait");
  end(0);
}

static Registers get_registers(void) {
  Registers registers;
  struct iovec part = {&registers, sizeof registers};
  must(ptrace(PTRACE_GETREGSET, pid, (void*)NT_PRSTATUS, &part), "read registers");
  return registers;
}

static void set_registers(Registers registers) {
  struct iovec part = {&registers, sizeof registers};
  must(ptrace(PTRACE_SETREGSET, pid, (void*)NT_PRSTATUS, &part), "write registers");
}

static void resume(int how, int number) { must(ptrace(how, pid, NULL, (void*)(long)number), "resume"); }

// One instruction of its own. A signal that comes instead is put off: its handler would run with what is in the registers
// now.
static void step(void) {
  int late[64];
  int count = 0;
  for (;;) {
    resume(PTRACE_SINGLESTEP, 0);
    const int number = WSTOPSIG(await_stop());
    if (number == SIGTRAP) break;
    if (number == SIGSEGV || number == SIGBUS || count == 64) fail("an instruction faults");
    late[count++] = number;
  }
  while (count > 0) must(kill(pid, late[--count]), "put off a signal");
}

// Makes it call mprotect, between two of its own instructions.
static void protect(const struct Range* range, unsigned long protection) {
  const unsigned long arguments[] = {range->start, range->size, protection};
  const Registers saved = get_registers();
  Registers registers = saved;
  set_call(&registers, call_at, SYS_mprotect, arguments);
  set_registers(registers);
  step();
  registers = get_registers();
  errno = (int)-result_of(&registers);
  must(result_of(&registers), "mprotect in it");
  set_registers(saved);
}

static void remember(unsigned long start, const unsigned long long* arguments) {
  if (range_count == kMost) {
    errno = ENOMEM;
    fail("its mappings");
  }
  struct Range* range = &ranges[range_count++];
  char link[64];
  char target[4096];
  snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, (int)arguments[4]);
  const ssize_t size = readlink(link, target, sizeof target - 1);
  target[size > 0 ? size : 0] = '\0';
  const char* slash = strrchr(target, '/');
  *range = (struct Range){start, arguments[1], arguments[5], arguments[2], ""};
  snprintf(range->name, sizeof range->name, "%.255s", slash != NULL ? slash + 1 : target);
  protect(range, range->protection & ~(unsigned long)PROT_WRITE);
}

static struct Range* range_at(unsigned long address) {
  for (int i = 0; i < range_count; ++i) {
    if (address - ranges[i].start < ranges[i].size) return &ranges[i];
  }
  return NULL;
}

// What a system call that has returned did to the mappings.
static void see_call(long number, const unsigned long long* arguments, long result) {
  if (result == -EFAULT) {
    errno = EFAULT;
    fprintf(stderr, "stepkill: system call %ld\n", number);
    fail("it has the kernel write to a mapping");
  }
  if (result < 0 && result > -4096) return;
  if (number == SYS_mmap && (arguments[3] & MAP_TYPE) != MAP_PRIVATE && (int)arguments[4] >= 0 &&
      (arguments[2] & PROT_WRITE) != 0) {
    remember((unsigned long)result, arguments);
    return;
  }
  struct Range* range = range_at(arguments[0]);
  if (range == NULL) return;
  if (number == SYS_munmap) {
    *range = ranges[--range_count];
  } else if (number == SYS_mremap) {
    range->start = (unsigned long)result;
    range->size = arguments[2];
  } else if (number == SYS_mprotect) {
    range->protection = arguments[2];
    protect(range, range->protection & ~(unsigned long)PROT_WRITE);
  }
}

// It wants to store: it may, for one instruction. Returns a signal that came instead.
static int pass_store(unsigned long address) {
  const struct Range* range = range_at(address);
  const Registers before = get_registers();
  pass_moment("store %s+0x%lx pc 0x%llx\n", range->name, address - range->start + range->offset,
              pc_of(&before));
  protect(range, range->protection);
  for (;;) {
    resume(PTRACE_SINGLESTEP, 0);
    const int number = WSTOPSIG(await_stop());
    const Registers now = get_registers();
    if (number == SIGTRAP && pc_of(&now) == pc_of(&before)) continue;
    protect(range, range->protection & ~(unsigned long)PROT_WRITE);
    return number == SIGTRAP ? 0 : number;
  }
}

// A system call begins or has returned.
static void pass_call(void) {
  static long number;
  static unsigned long long arguments[6];
  struct __ptrace_syscall_info info;
  must(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void*)sizeof info, &info), "look at a system call");
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    number = (long)info.entry.nr;
    for (int i = 0; i < 6; ++i) arguments[i] = info.entry.args[i];
    if (calls_too) pass_moment("call %ld\n", number);
    return;
  }
  call_at = (unsigned long)info.instruction_pointer - kCallSize;
  const long result = (long)info.exit.rval;
  if (number != SYS_mmap && number != SYS_munmap && number != SYS_mremap && number != SYS_mprotect) {
    if (result == -EFAULT) see_call(number, arguments, result);
    return;
  }
  // Out of the call first: within its stop not all registers can be set everywhere.
  step();
  see_call(number, arguments, result);
}

// Returns the signal that it is to get.
static int pass_stop(int status) {
  if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
    pass_call();
    return 0;
  }
  if (status >> 16 == PTRACE_EVENT_EXEC) {
    range_count = 0;
    return 0;
  }
  if (WSTOPSIG(status) == SIGSEGV) {
    siginfo_t info;
    must(ptrace(PTRACE_GETSIGINFO, pid, NULL, &info), "look at a signal");
    const unsigned long address = (unsigned long)info.si_addr;
    if (info.si_code == SEGV_ACCERR && range_at(address) != NULL) return pass_store(address);
  }
  return WSTOPSIG(status);
}

int main(int argc, char** argv) {
  int option = 0;
  while ((option = getopt(argc, argv, "+so:")) != -1) {
    if (option == 's') {
      calls_too = 1;
    } else if (option != 'o' || (moments = fopen(optarg, "we")) == NULL) {
      fail("options");
    } else {
      setvbuf(moments, NULL, _IOLBF, 0);  // so that others see where it waits
    }
  }
  if (argc - optind < 2) {
    fputs("usage: stepkill [-s] [-o FILE] N COMMAND [ARG...]\n", stderr);
    return 2;
  }
  wanted = atol(argv[optind]);
  pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    must(ptrace(PTRACE_TRACEME, 0, NULL, NULL), "trace");
    execvp(argv[optind + 1], argv + optind + 1);
    fail(argv[optind + 1]);
  }
  await_stop();
  must(ptrace(PTRACE_SETOPTIONS, pid, NULL,
              (void*)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)),
       "set options");
  for (int number = 0;;) {
    resume(PTRACE_SYSCALL, number);
    number = pass_stop(await_stop());
  }
}
