#include "ipc/processes.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/fd.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

constexpr pid_t kNobody = 0x7FFFFFF0;  // past any pid_max

/// A child that has called itself `name` and waits to be killed.
Child named_child(const char* name) {
  Latch ready;
  Child child([&] {
    ::prctl(PR_SET_NAME, name);
    ready.open();
    for (;;) ::pause();
    return 0;
  });
  require(ready.wait());
  return child;
}

/// Has executed `words`, and reads a stdin that does not end.
Child executed(std::initializer_list<const char*> words, const char* program = "/bin/sleep") {
  Latch ready;  // is closed by the exec
  int ends[2];
  require(::pipe2(ends, O_CLOEXEC) == 0);
  const ipc::Fd read_end(ends[0]);
  const int never = ends[1];
  Child child([&] {
    ::dup2(read_end.get(), 0);
    ::fcntl(never, F_SETFD, 0);  // it holds the other end itself
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    argv.push_back(nullptr);
    ::execv(program, argv.data());
    return 1;
  });
  ::close(never);
  check(!ready.wait());
  return child;
}

}  // namespace

TEST("this process: its parent, its start, its life") {
  const auto facts = ipc::facts_of(::getpid());
  require(facts.has_value());
  check_equal(facts->parent, ::getppid());
  check(!facts->ended);
  check(facts->start > 0);
  check(ipc::is_running(::getpid(), facts->start));
  check(!ipc::is_running(::getpid(), facts->start + 1), "another start: another process");
  check(!ipc::is_running(::getpid(), 0));
}

TEST("a child started no sooner than its parent, and its start does not change by an exec") {
  const auto own = ipc::facts_of(::getpid());
  Latch go;
  Child child([&] {
    if (!go.wait()) return 1;
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    return 2;
  });
  const auto before = ipc::facts_of(child.pid());
  require(own && before);
  check_equal(before->parent, ::getpid());
  check(before->start >= own->start);
  go.open();
  check(eventually([&] { return ipc::short_name_of(child.pid()) == "sleep"; }));
  check(ipc::is_running(child.pid(), before->start));
}

TEST("a name may look like the rest of the line") {
  for (const char* name :
       {") Z 1 2 3", "a) (b", "((((", "))))", " ", "x y z", ") S 0 (", "\n) Z 5", "\\) R"}) {
    const Child child = named_child(name);
    const auto facts = ipc::facts_of(child.pid());
    require(facts.has_value(), name);
    check_equal(facts->parent, ::getpid(), name);
    check(!facts->ended, name);
    check(ipc::is_running(child.pid(), facts->start), name);
    check_equal(ipc::short_name_of(child.pid()), name);
  }
}

TEST("a zombie has ended") {
  Child child([] { return 0; });
  check(eventually([&] {
    const auto facts = ipc::facts_of(child.pid());
    return facts && facts->ended;
  }));
  const auto facts = ipc::facts_of(child.pid());
  require(facts.has_value());
  check_equal(facts->parent, ::getpid());
  check(!ipc::is_running(child.pid(), facts->start));
  check_equal(ipc::initial_variable_of(child.pid(), "PATH").value_or(""), "",
              "it has no environment any more");
  const pid_t pid = child.pid();
  check_equal(child.wait().status(), 0);
  check(!ipc::facts_of(pid).has_value(), "reaped, it is nobody");
}

TEST("a process whose first thread has ended lives as long as the others") {
  Latch running;
  const Child child([&] {
    std::thread([&] {
      running.open();
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // of this thread alone
    return 1;
  });
  require(running.wait());
  check(eventually([&] {
    return file_text("/proc/" + std::to_string(child.pid()) + "/stat").find(") Z ") != std::string::npos;
  }));
  const auto facts = ipc::facts_of(child.pid());
  require(facts.has_value());
  check(!facts->ended);
  check(ipc::is_running(child.pid(), facts->start));
}

TEST("a process that is not there is unknown in every way") {
  for (const pid_t pid : {kNobody, -1, 0}) {
    check(!ipc::facts_of(pid).has_value());
    check(!ipc::is_running(pid, 0));
    check_equal(ipc::short_name_of(pid), "");
    check_equal(ipc::command_line_of(pid), "");
    check(!ipc::initial_variable_of(pid, "PATH").has_value());
  }
}

TEST("a command line is its arguments, joined by blanks") {
  const Child child = executed({"my cat", "-", "", "x"}, "/bin/cat");
  check_equal(ipc::command_line_of(child.pid()), "my cat -  x");
  check_equal(ipc::short_name_of(child.pid()), "cat");
}

TEST("one without arguments is told by its name in brackets") {
  const Child empty = executed({"", "1000"}, "/bin/sleep");
  check_equal(ipc::command_line_of(empty.pid()), " 1000", "an empty first argument is one");
  Child child([] { return 0; });
  check(eventually([&] {
    const auto facts = ipc::facts_of(child.pid());
    return facts && facts->ended;
  }));
  const std::string name = ipc::short_name_of(child.pid());
  check(!name.empty());
  check_equal(ipc::command_line_of(child.pid()), "[" + name + "]");
}

TEST("the name of a long program is cut by the kernel") {
  const Child child = named_child("a-name-of-more-than-fifteen-bytes");
  check_equal(ipc::short_name_of(child.pid()), "a-name-of-more-");
}

TEST("a variable is seen as it was when the program began") {
  const Variable one("UNIT_X", "first = second");
  const Variable empty("UNIT_EMPTY", "");
  const Variable longer("UNIT_XX", "longer name");
  const Variable part("XUNIT_Z", "another");
  const Variable none("UNIT_NONE", nullptr);
  const Variable big("UNIT_BIG", std::string(20'000, 'b'));
  const Child child = executed({"sleep", "1000"});
  check_equal(ipc::initial_variable_of(child.pid(), "UNIT_X").value_or("-"), "first = second");
  check_equal(ipc::initial_variable_of(child.pid(), "UNIT_XX").value_or("-"), "longer name");
  check_equal(ipc::initial_variable_of(child.pid(), "UNIT_EMPTY").value_or("-"), "");
  check_equal(ipc::initial_variable_of(child.pid(), "UNIT_BIG").value_or("-").size(), 20'000U);
  check(!ipc::initial_variable_of(child.pid(), "UNIT_NONE").has_value());
  check(!ipc::initial_variable_of(child.pid(), "UNIT_Z").has_value(), "not the end of another name");
  check(!ipc::initial_variable_of(child.pid(), "UNIT_").has_value(), "nor its beginning");
  check(!ipc::initial_variable_of(::getpid(), "UNIT_X").has_value(), "what was set later is not seen");
}

TEST("another user's environment is unknown, its name is not") {
  if (::geteuid() != 0) skip("cannot become another user");
  const pid_t root = ::getpid();
  const auto ending = in_child([&] {
    if (::setresuid(64999, 64999, 64999) != 0) return 98;
    if (ipc::initial_variable_of(root, "PATH").has_value()) return 1;
    if (ipc::short_name_of(root).empty()) return 2;
    return ipc::facts_of(root).has_value() ? 0 : 3;
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0);
}

TEST("all processes: children and parents, each once, and nothing that is no pid") {
  const Child child = named_child("among-all");
  auto pids = ipc::all_processes();
  for (const pid_t pid : {::getpid(), ::getppid(), child.pid()}) {
    if (pid > 0) check_equal(std::ranges::count(pids, pid), 1);
  }
  check(std::ranges::all_of(pids, [](pid_t pid) { return pid > 0; }));
  std::ranges::sort(pids);
  check(std::ranges::adjacent_find(pids) == pids.end());
}

TEST("the own line begins here and leads to an end through each parent") {
  const auto line = ipc::own_line();
  require(line.size() >= 2);
  check_equal(line[0], ::getpid());
  check_equal(line[1], ::getppid());
  const pid_t self = ::getpid();
  const auto ending = in_child([&] {
    return in_child([&] {
             const auto longer = ipc::own_line();
             if (longer.size() != line.size() + 2 || longer[0] != ::getpid() || longer[1] != ::getppid())
               return 1;
             return longer[2] == self && std::equal(longer.begin() + 2, longer.end(), line.begin()) ? 0 : 2;
           })
        .status();
  });
  check_equal(ending.status(), 0);
}

TEST("the line of an orphan goes on with whoever has adopted it") {
  Latch orphaned;
  Latch told;
  Child grandparent([&] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t self = ::getpid();
    Child parent([&] {
      Child orphan([&] {
        if (!orphaned.wait()) return 1;
        const auto line = ipc::own_line();
        if (line.size() >= 2 && line[1] == self) told.open();
        return 0;
      });
      ::_exit(0);
      return 0;
    });
    (void)parent.wait();
    orphaned.open();
    while (::wait(nullptr) > 0) {
    }
    return 0;
  });
  check(told.wait());
  check_equal(grandparent.wait().status(), 0);
}
