#include "ipc/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "child.hpp"
#include "command.hpp"
#include "descriptors.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Pipe;
using ipc::Process;
using ipc::Spawned;
using Step = ipc::Spawned::Step;

void check_fails(const ipc::SpawnPlan& plan, Step step, int errnum, tap::Here at = tap::Here::current()) {
  const Spawned spawned = ipc::spawn(plan);
  check_equal(spawned.failed, step, "step", at);
  check_equal(ipc::reason(spawned.errnum), ipc::reason(errnum), "errno", at);
  check(!spawned.process, "no process", at);
  check(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, "nothing is left to be reaped", at);
}

bool gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

TEST("a process runs, ends and is reaped with what it used") {
  Command command({"/bin/sh", "-c", "exit 7"});
  Spawned spawned = ipc::spawn(command.plan);
  require(spawned.failed == Step::none);
  Process& process = spawned.process;
  const pid_t pid = process.pid();
  check(static_cast<bool>(process));
  pollfd ended{process.pidfd(), POLLIN, 0};
  check_equal(::poll(&ended, 1, -1), 1, "the pidfd tells");
  check(!gone(pid), "its pid is kept until it is reaped");
  const auto report = process.reap();
  require(report.has_value());
  check_equal(report->ending.code, 7);
  check(report->usage.ru_maxrss > 0);
  check(!process);
  check_equal(process.pidfd(), -1);
  check(gone(pid));
}

TEST("a running process is not reaped") {
  Command command({"/bin/sh", "-c", "read line"});
  Pipe in = Pipe::create();
  command.plan.standard[0] = in.read_end.get();
  Spawned spawned = ipc::spawn(command.plan);
  check(!spawned.process.reap().has_value());
  check(static_cast<bool>(spawned.process));
  in.write_end.reset();
  check_equal(end_of(spawned.process).status(), 1);
}

TEST("exec errors are told, with nothing left behind") {
  const Scratch scratch;
  Command none({scratch / "none"});
  check_fails(none.plan, Step::exec, ENOENT);
  Command below({scratch.file("plain") + "/x"});
  check_fails(below.plan, Step::exec, ENOTDIR);
  Command directory({scratch.path()});
  check_fails(directory.plan, Step::exec, EACCES);
  Command not_executable({scratch.file("text", "#!/bin/sh\n", 0644)});
  check_fails(not_executable.plan, Step::exec, EACCES);
  Command no_interpreter({scratch.file("script", "#!/no/such/interpreter\n", 0755)});
  check_fails(no_interpreter.plan, Step::exec, ENOENT);
}

TEST("an argument too long is E2BIG, the longest one is not") {
  Command fits({"/bin/sh", "-c", "exit 0", "sh", std::string(131071, 'x')});
  Spawned spawned = ipc::spawn(fits.plan);
  require(spawned.failed == Step::none, "131071 bytes");
  check_equal(end_of(spawned.process).status(), 0);
  Command too_long({"/bin/sh", "-c", "exit 0", "sh", std::string(131072, 'x')});
  check_fails(too_long.plan, Step::exec, E2BIG);
}

TEST("a file without a known format is no program: it is never handed to a shell") {
  const Scratch scratch;
  Command text({scratch.file("text", "echo hello\n", 0755)});
  check_fails(text.plan, Step::exec, ENOEXEC);
  Command empty({scratch.file("empty", "", 0755)});
  check_fails(empty.plan, Step::exec, ENOEXEC);
}

TEST("a script that names its interpreter runs, with its arguments") {
  const Scratch scratch;
  const std::string script = scratch.file("script", "#!/bin/sh\nprintf '%s,' \"$0\" \"$@\"\n", 0755);
  check_equal(output_of(std::vector<std::string>{script, "a", "b c", ""}, [](ipc::SpawnPlan&) {}),
              script + ",a,b c,,");
}

TEST("it gets its own environment and no other") {
  char entry[] = "ONLY=this";
  char* environment[] = {entry, nullptr};
  const std::string text = output_of("/usr/bin/env", [&](ipc::SpawnPlan& plan) { plan.envp = environment; });
  check(text.find("ONLY=this\n") != std::string::npos);
  check(text.find("HOME=") == std::string::npos);
}

TEST("only descriptors 0, 1 and 2 are there, whatever was open") {
  std::vector<ipc::Fd> open_ones;
  for (int lowest = 3; lowest < 60; lowest += 4) {
    open_ones.push_back(ipc::duplicate(0, lowest));
    ::fcntl(open_ones.back().get(), F_SETFD, 0);  // even one that does not close on exec
  }
  const std::string text = output_of(
      "fd=0; while [ $fd -lt 100 ]; do [ -e /proc/self/fd/$fd ] && printf '%s ' $fd; fd=$((fd + 1)); done",
      [](ipc::SpawnPlan&) {});
  check_equal(text, "0 1 2 ");
}

TEST("the standard descriptors are mapped in every arrangement") {
  const Scratch scratch;
  // In a child whose 0, 1 and 2 lead to files called after them.
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 4; ++b) {
      for (int c = 0; c < 4; ++c) {
        const std::string name = std::to_string(a) + std::to_string(b) + std::to_string(c);
        const auto ending = in_child([&] {
          for (int i = 0; i < 4; ++i) {
            const ipc::Fd file = ipc::open_file(scratch / std::to_string(i), O_RDWR | O_CREAT, 0600);
            if (i < 3) ::dup2(file.get(), i);
          }
          const ipc::Fd three = ipc::open_file(scratch / "3", O_RDWR);
          const int sources[] = {0, 1, 2, three.get()};
          // The redirection is that of a subshell.
          Command command({"/bin/sh", "-c", "for i in 0 1 2; do (readlink /proc/$$/fd/$i >>\"$1\"); done; :",
                           "sh", scratch / name});
          command.plan.standard[0] = sources[a];
          command.plan.standard[1] = sources[b];
          command.plan.standard[2] = sources[c];
          Spawned spawned = ipc::spawn(command.plan);
          if (spawned.failed != Step::none) return 1;
          return end_of(spawned.process).status();
        });
        check_equal(ending.status(), 0, name);
        const std::string text = file_text(scratch / name);
        const std::string expected = scratch / std::to_string(a) + '\n' + scratch / std::to_string(b) + '\n' +
                                     scratch / std::to_string(c) + '\n';
        check_equal(text, expected, name);
      }
    }
  }
}

TEST("it leads a group of its own") {
  Command command({"/bin/sh", "-c", "read line"});
  Pipe in = Pipe::create();
  command.plan.standard[0] = in.read_end.get();
  const Spawned spawned = ipc::spawn(command.plan);
  check_equal(::getpgid(spawned.process.pid()), spawned.process.pid());
  check(::getpgrp() != spawned.process.pid());
}

TEST("it gets the mask it was planned, and SIGCHLD ignored where that was asked") {
  sigset_t mask;
  sigemptyset(&mask);
  // sh would change dispositions.
  const auto signals = [&](const char* name, bool ignore_child_signal) {
    const std::vector<std::string> words{"/bin/cat", "/proc/self/status"};
    const std::string text = output_of(words, [&](ipc::SpawnPlan& plan) {
      plan.mask = &mask;
      plan.ignore_child_signal = ignore_child_signal;
    });
    return std::stoull(text.substr(text.find(name) + std::strlen(name)), nullptr, 16);
  };
  constexpr auto kUsr1 = 1ULL << (SIGUSR1 - 1);
  constexpr auto kChild = 1ULL << (SIGCHLD - 1);
  check_equal(signals("SigBlk:", false), 0U);
  check_equal(signals("SigIgn:", false) & kChild, 0U);
  check_equal(signals("SigIgn:", true) & kChild, kChild);
  sigaddset(&mask, SIGUSR1);
  check_equal(signals("SigBlk:", false), kUsr1);
  sigset_t own;
  ::sigprocmask(SIG_BLOCK, nullptr, &own);
  check(sigismember(&own, SIGUSR1) == 0, "the parent's own is untouched");
  check(::signal(SIGCHLD, SIG_DFL) == SIG_DFL, "and its disposition");
}

TEST("it is as nice as was asked, and the parent as before") {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  const std::string text = output_of("nice", [](ipc::SpawnPlan& plan) { plan.nice = 5; });
  check_equal(std::stoi(text), std::min(before + 5, 19));
  check_equal(::getpriority(PRIO_PROCESS, 0), before);
}

TEST("a nice value that is refused is told") {
  const auto ending = in_child([] {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NICE, &none);
    if (::setresuid(65534, 65534, 65534) != 0 && ::geteuid() == 0) return 98;
    Command command({"/bin/sh", "-c", "exit 0"});
    command.plan.nice = -5;
    const Spawned spawned = ipc::spawn(command.plan);
    return spawned.failed == Step::nice && (spawned.errnum == EPERM || spawned.errnum == EACCES) ? 0 : 1;
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0);
}

TEST("it begins in its directory; one that is none is told") {
  const Scratch scratch;
  const ipc::Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  check_equal(output_of("pwd -P", [&](ipc::SpawnPlan& plan) { plan.directory = directory.get(); }),
              std::filesystem::canonical(scratch.path()).string() + '\n');
  Command command({"/bin/sh", "-c", "exit 0"});
  const ipc::Fd file = ipc::open_file(scratch.file("file"), O_RDONLY);
  command.plan.directory = file.get();
  check_fails(command.plan, Step::directory, ENOTDIR);
}

TEST("it gets its own limit of descriptors") {
  rlimit own{};
  ::getrlimit(RLIMIT_NOFILE, &own);
  const rlimit limit{123, own.rlim_max};
  check_equal(output_of("ulimit -n", [&](ipc::SpawnPlan& plan) { plan.open_files = &limit; }), "123\n");
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  check_equal(now.rlim_cur, own.rlim_cur);
}

TEST("a lower limit of descriptors does not hinder a swap of them") {
  const auto ending = in_child([] {
    const Pipe out = Pipe::create();
    const Pipe err = Pipe::create();
    std::vector<ipc::Fd> open_ones;
    while (open_ones.empty() || open_ones.back().get() < 24) open_ones.push_back(ipc::duplicate(0));
    ::dup2(out.write_end.get(), 1);
    ::dup2(err.write_end.get(), 2);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 16;
    Command command({"/bin/sh", "-c", "echo out; echo err >&2"});
    command.plan.standard[1] = 2;
    command.plan.standard[2] = 1;
    command.plan.open_files = &limit;
    Spawned spawned = ipc::spawn(command.plan);
    if (spawned.failed != Step::none) return 1;
    if (end_of(spawned.process).status() != 0) return 2;
    return read_present(out.read_end.get()) == "err\n" && read_present(err.read_end.get()) == "out\n" ? 0 : 3;
  });
  check_equal(ending.status(), 0);
}

TEST("its group is announced before the exec, even of one that fails") {
  std::atomic<pid_t> group{0};
  Command none({"/no/such/program"});
  none.plan.announcement = &group;
  check_fails(none.plan, Step::exec, ENOENT);
  check(group.load() > 1, "announced, though it was never executed");
  group = 0;
  Command command({"/bin/sh", "-c", "exit 0"});
  command.plan.announcement = &group;
  const Spawned spawned = ipc::spawn(command.plan);
  check_equal(group.load(), spawned.process.pid());
}

TEST("signals go to the whole group") {
  Command command({"/bin/sh", "-c", "sh -c 'echo; exec sleep 1000' & read line"});
  Pipe in = Pipe::create();
  Pipe out = Pipe::create();
  command.plan.standard[0] = in.read_end.get();
  command.plan.standard[1] = out.write_end.get();
  Spawned spawned = ipc::spawn(command.plan);
  out.write_end.reset();
  char byte = 0;
  require(::read(out.read_end.get(), &byte, 1) == 1, "its child runs");
  spawned.process.signal_group(SIGTERM);
  check_equal(read_all(out.read_end.get()), "", "all that held the pipe are gone");
  check_equal(end_of(spawned.process).signal, SIGTERM);
}

TEST("await() waits for the end, and leaves the report to reap()") {
  Command command({"/bin/sh", "-c", "read line; exit 9"});
  Pipe in = Pipe::create();
  command.plan.standard[0] = in.read_end.get();
  Spawned spawned = ipc::spawn(command.plan);
  in.write_end.reset();
  spawned.process.await();
  spawned.process.await();
  const auto report = spawned.process.reap();
  require(report.has_value());
  check_equal(report->ending.code, 9);
}

TEST("the end of a Process that was not reaped ends its group, too") {
  Command command({"/bin/sh", "-c", "trap '' TERM; sh -c 'echo; exec sleep 1000' & wait"});
  Pipe out = Pipe::create();
  pid_t pid = 0;
  command.plan.standard[1] = out.write_end.get();
  {
    const Spawned spawned = ipc::spawn(command.plan);
    pid = spawned.process.pid();
    out.write_end.reset();
    char byte = 0;
    require(::read(out.read_end.get(), &byte, 1) == 1, "its child runs");
  }
  check(gone(pid), "reaped");
  check_equal(read_all(out.read_end.get()), "");
}

TEST("moved Processes end once") {
  Command command({"/bin/sh", "-c", "read line"});
  Pipe in = Pipe::create();
  command.plan.standard[0] = in.read_end.get();
  Spawned spawned = ipc::spawn(command.plan);
  const pid_t pid = spawned.process.pid();
  Process other(std::move(spawned.process));
  check(!spawned.process);
  check_equal(other.pid(), pid);
  Process third;
  third = std::move(other);
  check_equal(third.pid(), pid);
  check(!gone(pid));
  in.write_end.reset();
  check_equal(end_of(third).status(), 1);
}

TEST("SIGKILL of the parent kills it") {
  Pipe in = Pipe::create();  // both ends stay with us: it cannot end by itself
  Pipe held = Pipe::create();
  Pipe told = Pipe::create();
  Child parent([&] {
    Command command({"/bin/sh", "-c", "trap '' TERM HUP; echo started >&2; read line"});
    command.plan.standard[0] = in.read_end.get();
    command.plan.standard[1] = held.write_end.get();
    command.plan.standard[2] = told.write_end.get();
    const Spawned spawned = ipc::spawn(command.plan);
    for (;;) ::pause();
    return 0;
  });
  held.write_end.reset();
  told.write_end.reset();
  char byte = 0;
  require(::read(told.read_end.get(), &byte, 1) == 1, "it runs");
  ::kill(parent.pid(), SIGKILL);
  check_equal(parent.wait().signal, SIGKILL);
  pollfd end{held.read_end.get(), POLLIN, 0};
  check_equal(::poll(&end, 1, 10'000), 1, "the last holder of the pipe is gone");
  check_equal(read_present(held.read_end.get()), "");
}

TEST("no process to spare is told as such") {
  const auto ending = in_child([] {
    if (::setresuid(64999, 64999, 64999) != 0) return 98;
    const rlimit one{1, 1};
    ::setrlimit(RLIMIT_NPROC, &one);
    Command command({"/bin/sh", "-c", "exit 0"});
    const Spawned spawned = ipc::spawn(command.plan);
    return spawned.failed == Step::clone && spawned.errnum == EAGAIN && !spawned.process ? 0 : 1;
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0);
}

TEST("no descriptor to spare is told as such") {
  const auto ending = in_child([] {
    const int free_one = ipc::duplicate(0).get();
    const rlimit limit{static_cast<rlim_t>(free_one), static_cast<rlim_t>(free_one)};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    Command command({"/bin/sh", "-c", "exit 0"});
    const Spawned spawned = ipc::spawn(command.plan);
    return spawned.failed == Step::clone && spawned.errnum == EMFILE ? 0 : 1;
  });
  check_equal(ending.status(), 0);
}

TEST("a thousand starts leave no descriptor and no process") {
  const int before = ipc::duplicate(0).get();
  Command good({"/bin/true"});
  Command bad({"/no/such/program"});
  for (int i = 0; i < 500; ++i) {
    Spawned spawned = ipc::spawn(good.plan);
    require(spawned.failed == Step::none);
    if (!check_equal(end_of(spawned.process).status(), 0)) return;
    (void)ipc::spawn(bad.plan);
  }
  check_equal(ipc::duplicate(0).get(), before);
  check(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD);
}
