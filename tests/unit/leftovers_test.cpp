#include "ipc/leftovers.hpp"

#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "tap.hpp"

namespace {

constexpr ipc::Token kToken{7, 0, 0};
constexpr std::size_t kFirst = 4;

/// A process that leads a group of its own and waits to be killed.
Child group() {
  Child child([] {
    for (;;) ::pause();
    return 0;
  });
  ::setpgid(child.pid(), child.pid());
  return child;
}

struct Bench {
  ipc::Guard guard{kFirst + 3};
  ipc::EventLoop loop;
  ipc::Leftovers leftovers{guard, kFirst, 3, loop, kToken};

  pid_t slot(std::size_t i) { return guard.slot(kFirst + i).load(); }
};

}  // namespace

TEST("a group is in the guard's slots from add() until a look finds it empty") {
  Bench bench;
  Child first = group();
  Child second = group();
  bench.leftovers.add(first.pid());
  bench.leftovers.add(second.pid());
  check_equal(bench.slot(0), first.pid());
  check_equal(bench.slot(1), second.pid());
  bench.leftovers.look();
  check_equal(bench.slot(1), second.pid(), "a group that lives stays");
  ::kill(first.pid(), SIGKILL);
  (void)first.wait();
  bench.leftovers.look();
  check_equal(bench.slot(0), second.pid(), "the last one takes the place of the one that is gone");
  check_equal(bench.slot(1), 0);
  ::kill(second.pid(), SIGKILL);
  (void)second.wait();
  bench.leftovers.look();
  check_equal(bench.slot(0), 0);
}

TEST("a timer asks for a look while there is a group, and not without") {
  Bench bench;
  check(bench.loop.wait(false).empty());
  Child child = group();
  bench.leftovers.add(child.pid());
  const auto events = bench.loop.wait();
  check_equal(events.size(), 1U);
  check(events[0].token == kToken);
}

TEST("a signal reaches all of them") {
  Bench bench;
  Child first = group();
  Child second = group();
  bench.leftovers.add(first.pid());
  bench.leftovers.add(second.pid());
  bench.leftovers.signal(SIGTERM);
  check_equal(first.wait().signal, SIGTERM);
  check_equal(second.wait().signal, SIGTERM);
}

TEST("beyond the capacity a group is let go, and touches no other slot") {
  Bench bench;
  for (pid_t group = 3'999'990; group < 3'999'995; ++group) bench.leftovers.add(group);
  check_equal(bench.slot(2), 3'999'992);
  bench.leftovers.look();  // none of these is there
  for (std::size_t i = 0; i < 3; ++i) check_equal(bench.slot(i), 0);
}
