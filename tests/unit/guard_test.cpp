#include "ipc/guard.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <type_traits>

#include "child.hpp"
#include "descriptors.hpp"
#include "eventually.hpp"
#include "ipc/file_lock.hpp"
#include "ipc/pipe.hpp"
#include "ipc/process.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Guard;
using ipc::Pipe;

static_assert(!std::is_copy_constructible_v<Guard> && !std::is_move_constructible_v<Guard>);

std::string proc(pid_t pid, const char* name) { return "/proc/" + std::to_string(pid) + '/' + name; }

/// A tool that runs `script` under a guard: what the script holds as stdout ends when nobody of it is left.
class Tool {
 public:
  explicit Tool(const char* script, bool dismissed = false)
      : gate_(Pipe::create()), held_(Pipe::create()), told_(Pipe::create()), process_([&] {
          Guard guard(4);
          std::string shell = "/bin/sh";
          std::string option = "-c";
          std::string text = script;
          char* argv[] = {shell.data(), option.data(), text.data(), nullptr};
          ipc::SpawnPlan plan;
          plan.path = "/bin/sh";
          plan.argv = argv;
          plan.envp = environ;
          plan.standard[0] = gate_.read_end.get();
          plan.standard[1] = held_.write_end.get();
          plan.standard[2] = told_.write_end.get();
          plan.announcement = &guard.slot(2);
          ipc::Spawned spawned = ipc::spawn(plan);
          held_.write_end.reset();
          gate_.write_end.reset();
          if (dismissed) guard.dismiss();
          if (ipc::write_all(told_.write_end.get(), "t") != 0) return 1;
          for (;;) ::pause();
          return 0;
        }) {
    held_.write_end.reset();
    told_.write_end.reset();
  }

  /// Waits until the tool and `count` others have said that they run.
  void wait_for(std::size_t count) {
    for (std::size_t got = 0; got < count + 1; ++got) {
      char byte = 0;
      require(::read(told_.read_end.get(), &byte, 1) == 1);
    }
  }
  void kill() {
    ::kill(process_.pid(), SIGKILL);
    check_equal(process_.wait().signal, SIGKILL);
  }
  /// All that held its stdout have gone.
  [[nodiscard]] bool all_gone(int milliseconds) const {
    pollfd end{held_.read_end.get(), POLLIN, 0};
    return ::poll(&end, 1, milliseconds) == 1 && (end.revents & POLLHUP) != 0;
  }

  /// Ends the stdin of the script, and returns what was still written to its stdout.
  std::string rest() {
    gate_.write_end.reset();
    return read_all(held_.read_end.get());
  }

 private:
  Pipe gate_;
  Pipe held_;
  Pipe told_;
  Child process_;
};

}  // namespace

TEST(
    "SIGKILL of the tool ends its groups within a second, with what ignores signals and what was forked "
    "twice") {
  Tool tool(
      "trap '' TERM HUP INT; (trap '' TERM HUP; (printf c >&2; exec sleep 1000) & printf b >&2; exec sleep "
      "1000) & "
      "printf a >&2; exec sleep 1000");
  tool.wait_for(3);
  check(!tool.all_gone(0));
  tool.kill();
  check(tool.all_gone(1000));
}

TEST("it ends what a job left in its group after the job itself is gone") {
  Tool tool("(printf b >&2; exec sleep 1000) & printf a >&2; exit 0");
  tool.wait_for(2);
  tool.kill();
  check(tool.all_gone(1000));
}

TEST("a dismissed guard leaves groups alone") {
  Tool tool("exec 3<&0; (printf b >&2; read line <&3; echo survived) & printf a >&2; wait", true);
  tool.wait_for(2);
  tool.kill();
  check_equal(tool.rest(), "survived\n");
}

TEST("a guard that goes by its destructor harms nobody and is reaped") {
  pid_t pid = 0;
  const pid_t other = ::fork();
  if (other == 0) {
    for (;;) ::pause();
  }
  ::setpgid(other, other);
  {
    Guard guard(1);
    pid = guard.pid();
    guard.slot(0).store(other);
    check_equal(::kill(pid, 0), 0);
  }
  check_equal(::kill(pid, 0), -1);
  int status = 0;
  check_equal(::waitpid(other, &status, WNOHANG), 0, "it lives");
  ::kill(other, SIGKILL);
  check_equal(::waitpid(other, &status, 0), other);
}

TEST("slots start empty, and as many as were asked for") {
  Guard guard(100'000);
  check_equal(guard.slot(0).load(), 0);
  check_equal(guard.slot(99'999).load(), 0);
}

TEST("slots that hold no group are left alone: 0, 1 and -1 would be others") {
  const auto ending = in_child([] {
    const pid_t group = ::getpgrp();
    const pid_t tool = ::fork();
    if (tool == 0) {
      Guard guard(4);
      guard.slot(1).store(1);
      guard.slot(2).store(-1);
      ::raise(SIGKILL);
    }
    int status = 0;
    ::waitpid(tool, &status, 0);
    return WIFSIGNALED(status) && ::getpgrp() == group ? 0 : 1;
  });
  check_equal(ending.status(), 0);
}

TEST("it is in a group of its own, with the lifeline alone, in / and with all signals blocked") {
  const Scratch scratch;
  const std::string here = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path());
  const ipc::Fd open_one = ipc::duplicate(0, 30);
  Guard guard(1);
  std::filesystem::current_path(here);
  const pid_t pid = guard.pid();
  check(eventually([&] { return std::filesystem::read_symlink(proc(pid, "cwd")) == "/"; }), "its directory");
  check_equal(::getpgid(pid), pid);
  std::size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"))) {
    ++descriptors;
    check_equal(entry.path().filename().string(), "0");
  }
  check_equal(descriptors, 1U);
  check_equal(file_text(proc(pid, "comm")), "ipc-guard\n");
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGPIPE}) ::kill(pid, signal);
  const std::string status = file_text(proc(pid, "status"));
  const auto blocked = std::stoull(status.substr(status.find("SigBlk:") + 7), nullptr, 16);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGPIPE})
    check((blocked >> (signal - 1) & 1) == 1);
  check_equal(::kill(pid, 0), 0, "it lives");
}

TEST("the tool's mask is as before, and dismissing twice is fine") {
  sigset_t before;
  sigset_t after;
  ::sigprocmask(SIG_BLOCK, nullptr, &before);
  Guard guard(1);
  ::sigprocmask(SIG_BLOCK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal)
    check_equal(sigismember(&before, signal), sigismember(&after, signal));
  guard.dismiss();
  guard.dismiss();
  check_equal(guard.pid(), 0);
}

TEST("its lifeline does not go to children: they would keep it asleep") {
  const auto leaks = [] {
    int count = 0;
    for (int fd = 3; fd < 256; ++fd) count += is_open(fd) && !closes_on_exec(fd) ? 1 : 0;
    return count;
  };
  const int before = leaks();
  const Guard guard(1);
  check_equal(leaks(), before);
}

TEST("a lock on the kept descriptor is held until the killed leader is gone, and then freed") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  for (int round = 0; round < 5; ++round) {
    ipc::Pipe told = ipc::Pipe::create();
    Latch locked;
    Child tool([&] {
      ::close(other.get());
      const ipc::Fd file = ipc::open_file(path, O_RDWR);
      const auto lock = ipc::FileLock::try_lock(file.get(), ipc::FileLock::Mode::exclusive);
      Guard guard(2, file.get());
      // Of the tool's own making, so that PDEATHSIG does not end it; without the descriptor, and slow to die.
      const pid_t leader = ::fork();
      if (leader == 0) {
        ::setpgid(0, 0);
        guard.slot(1).store(::getpid());
        const std::string memory(64U << 20U, 'm');
        const pid_t self = ::getpid();
        if (::write(told.write_end.get(), &self, sizeof self) != sizeof self) return 1;
        for (int fd = 3; fd < 64; ++fd) ::close(fd);  // the lifeline, too, as an exec would
        for (;;) ::pause();
      }
      if (lock) locked.open();
      for (;;) ::pause();
      return 0;
    });
    require(locked.wait());
    pid_t leader = 0;
    require(::read(told.read_end.get(), &leader, sizeof leader) == sizeof leader);
    ::kill(tool.pid(), SIGKILL);
    check_equal(tool.wait().signal, SIGKILL);
    const auto lock = ipc::FileLock::lock(other.get(), ipc::FileLock::Mode::exclusive,
                                          ipc::Deadline::after(std::chrono::seconds(10)));
    require(lock.has_value(), "it is freed");
    // Gone, or a zombie that nobody has reaped yet.
    const std::string stat = file_text(proc(leader, "stat"));
    check(stat.empty() || stat.find(") Z ") != std::string::npos, stat);
  }
}

TEST("the kept descriptor is all that it has besides the lifeline") {
  const Scratch scratch;
  const std::string path = std::filesystem::canonical(scratch.path()).string() + "/lock";
  const ipc::Fd file = ipc::open_file(path, O_RDWR | O_CREAT, 0600);
  const Guard guard(1, file.get());
  check(eventually([&] { return std::filesystem::read_symlink(proc(guard.pid(), "cwd")) == "/"; }));
  std::size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc(guard.pid(), "fd"))) {
    ++descriptors;
    if (entry.path().filename() == "1") check_equal(std::filesystem::read_symlink(entry).string(), path);
  }
  check_equal(descriptors, 2U);
}

TEST("a guard without groups lets the kept lock go with the tool, and so does a dismissed one") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  for (const bool dismissed : {false, true}) {
    Child tool([&] {
      ::close(other.get());
      const ipc::Fd file = ipc::open_file(path, O_RDWR);
      auto lock = ipc::FileLock::try_lock(file.get(), ipc::FileLock::Mode::exclusive);
      if (!lock) return 1;
      lock->abandon();
      Guard guard(1, file.get());
      if (dismissed) guard.dismiss();
      ::raise(SIGKILL);
      return 2;
    });
    check_equal(tool.wait().signal, SIGKILL);
    check(ipc::FileLock::lock(other.get(), ipc::FileLock::Mode::exclusive,
                              ipc::Deadline::after(std::chrono::seconds(10)))
              .has_value());
  }
}

TEST("let_go() ends it without harm to any group") {
  Child other([] {
    ::setpgid(0, 0);
    for (;;) ::pause();
    return 0;
  });
  ::setpgid(other.pid(), other.pid());
  Guard guard(1);
  guard.slot(0).store(other.pid());
  const pid_t pid = guard.pid();
  guard.let_go();
  check(eventually([&] { return file_text(proc(pid, "stat")).find(") Z ") != std::string::npos; }),
        "it has ended, and waits for dismiss()");
  guard.let_go();
  guard.dismiss();
  check_equal(::kill(pid, 0), -1);
  guard.let_go();
  check_equal(::kill(other.pid(), 0), 0);
  check_equal(::waitpid(other.pid(), nullptr, WNOHANG), 0, "it lives");
}
