#include "ipc/event_loop.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <map>
#include <set>
#include <vector>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "ipc/process.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::Event;
using ipc::EventLoop;
using ipc::Pipe;
using ipc::Token;
using Interest = ipc::EventLoop::Interest;
using namespace std::chrono_literals;

/// The indices of the events of one wait().
std::vector<std::uint32_t> indices(std::span<const Event> events) {
  std::vector<std::uint32_t> list;
  for (const Event& event : events) list.push_back(event.token.index);
  return list;
}

using Indices = std::vector<std::uint32_t>;

}  // namespace

TEST("a descriptor is told as long as it is ready") {
  EventLoop loop;
  const Pipe pipe = Pipe::create();
  require(loop.watch(pipe.read_end.get(), Interest::read, {1, 2, 3}));
  check(loop.wait(false).empty());
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  for (int i = 0; i < 2; ++i) {
    const auto events = loop.wait();
    require(events.size() == 1);
    check(events[0].token == Token{1, 2, 3});
    check(events[0].readable && !events[0].writable && !events[0].hung_up);
  }
  (void)read_present(pipe.read_end.get());
  check(loop.wait(false).empty());
}

TEST("tokens keep a kind, 24 bits of generation and an index") {
  EventLoop loop;
  const Pipe pipe = Pipe::create();
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  require(loop.watch(pipe.read_end.get(), Interest::read, {255, 0xab'ffffffU, 0xffff'ffffU}));
  check(loop.wait(false)[0].token == Token{255, 0xffffffU, 0xffff'ffffU});
  loop.change(pipe.read_end.get(), Interest::read, {0, 0, 0});
  check(loop.wait(false)[0].token == Token{});
}

TEST("writable, and hung up when the reader goes") {
  EventLoop loop;
  Pipe pipe = Pipe::create();
  require(loop.watch(pipe.write_end.get(), Interest::write, {0, 0, 7}));
  check(loop.wait(false)[0].writable);
  (void)fill(pipe.write_end.get());
  check(loop.wait(false).empty(), "full");
  pipe.read_end.reset();
  const auto events = loop.wait(false);
  require(events.size() == 1);
  check(events[0].hung_up);
}

TEST("hang_up tells of closed ends alone") {
  EventLoop loop;
  Pipe in = Pipe::create();
  Pipe out = Pipe::create();
  require(loop.watch(in.read_end.get(), Interest::hang_up, {0, 0, 1}));
  require(loop.watch(out.write_end.get(), Interest::hang_up, {0, 0, 2}));
  check_equal(ipc::write_all(in.write_end.get(), "x"), 0);
  check(loop.wait(false).empty(), "neither data nor room");
  out.read_end.reset();
  check(indices(loop.wait(false)) == Indices{2});
  loop.unwatch(out.write_end.get());
  in.write_end.reset();
  check(indices(loop.wait(false)) == Indices{1});
  check(loop.wait(false)[0].hung_up);
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const ipc::Fd one(ends[0]);
  ipc::Fd other(ends[1]);
  loop.unwatch(in.read_end.get());
  require(loop.watch(one.get(), Interest::hang_up, {0, 0, 3}));
  check(loop.wait(false).empty());
  other.reset();
  check(indices(loop.wait(false)) == Indices{3}, "a socket");
}

TEST("the end of a pipe is readable or hung up, with what is left in it") {
  EventLoop loop;
  Pipe pipe = Pipe::create();
  require(loop.watch(pipe.read_end.get(), Interest::read, {}));
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  pipe.write_end.reset();
  auto events = loop.wait(false);
  require(events.size() == 1);
  check(events[0].readable && events[0].hung_up);
  (void)read_present(pipe.read_end.get());
  events = loop.wait(false);
  require(events.size() == 1);
  check(!events[0].readable && events[0].hung_up);
}

TEST("a regular file cannot be watched, which is no error; a closed descriptor is one") {
  const Scratch scratch;
  EventLoop loop;
  const ipc::Fd file = ipc::open_file(scratch.file("file"), O_RDWR);
  check(!loop.watch(file.get(), Interest::read, {}));
  const ipc::Fd null = ipc::open_file("/dev/null", O_RDONLY);
  check(!loop.watch(null.get(), Interest::read, {}));
  check_throws<ipc::Error>([&] { (void)loop.watch(9999, Interest::read, {}); });
  check_throws<ipc::Error>([&] { loop.change(0, Interest::read, {}); }, "one not watched");
  loop.unwatch(9999);
}

TEST("what is unwatched, changed or closed is told no more") {
  EventLoop loop;
  Pipe pipe = Pipe::create();
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  require(loop.watch(pipe.read_end.get(), Interest::read, {}));
  loop.unwatch(pipe.read_end.get());
  check(loop.wait(false).empty());
  require(loop.watch(pipe.read_end.get(), Interest::read, {}));
  loop.change(pipe.read_end.get(), Interest::hang_up, {});
  check(loop.wait(false).empty());
  loop.change(pipe.read_end.get(), Interest::read, {});
  check_equal(loop.wait(false).size(), 1U);
  pipe.read_end.reset();
  check(loop.wait(false).empty());
}

TEST("an event names the generation it was registered with, so that a later owner knows it as stale") {
  EventLoop loop;
  const Pipe pipe = Pipe::create();
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  require(loop.watch(pipe.read_end.get(), Interest::read, {1, 5, 0}));
  const Event event = loop.wait(false)[0];
  loop.unwatch(pipe.read_end.get());
  require(loop.watch(pipe.read_end.get(), Interest::read, {1, 6, 0}));
  check(event.token != loop.wait(false)[0].token);
  check_equal(event.token.generation, 5U);
  check_equal(loop.wait(false)[0].token.generation, 6U);
}

TEST("more descriptors than fit one batch are all told") {
  EventLoop loop;
  std::vector<Pipe> pipes;
  for (std::uint32_t i = 0; i < 150; ++i) {
    pipes.push_back(Pipe::create());
    check_equal(ipc::write_all(pipes.back().write_end.get(), "x"), 0);
    require(loop.watch(pipes.back().read_end.get(), Interest::read, {0, 0, i}));
  }
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 3; ++i) {
    for (const Event& event : loop.wait(false)) {
      seen.insert(event.token.index);
      (void)read_present(pipes[event.token.index].read_end.get());
    }
  }
  check_equal(seen.size(), 150U);
}

TEST("timers run out in the order of their times, and equal ones in that of their arming") {
  EventLoop loop;
  const Deadline now = Deadline::now();
  (void)loop.arm(now + -1s, {0, 0, 3});
  (void)loop.arm(now + -3s, {0, 0, 1});
  (void)loop.arm(now + -1s, {0, 0, 4});
  (void)loop.arm(now + -2s, {0, 0, 2});
  check(indices(loop.wait(false)) == Indices{1, 2, 3, 4});
  check(loop.wait(false).empty(), "once");
}

TEST("a timer is told when its time has come, not before") {
  EventLoop loop;
  const Deadline at = Deadline::after(20ms);
  (void)loop.arm(at, {9, 8, 7});
  check(loop.wait(false).empty());
  const auto events = loop.wait();
  check(Deadline::now() >= at);
  require(events.size() == 1);
  check(events[0].token == Token{9, 8, 7});
  check(!events[0].readable && !events[0].writable && !events[0].hung_up);
}

TEST("a descriptor comes through while a timer is far off, or never") {
  EventLoop loop;
  const Pipe pipe = Pipe::create();
  require(loop.watch(pipe.read_end.get(), Interest::read, {0, 0, 1}));
  (void)loop.arm(Deadline::never(), {0, 0, 2});
  (void)loop.arm(Deadline::after(std::chrono::hours(24 * 365)), {0, 0, 3});
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  check(indices(loop.wait()) == Indices{1});
}

TEST("cancelled timers do not run out; cancelling twice, late or nothing is fine") {
  EventLoop loop;
  const Deadline past = Deadline::now() + -1s;
  auto first = loop.arm(past, {0, 0, 1});
  auto second = loop.arm(past, {0, 0, 2});
  check(first != second);
  check(first.serial != 0 && second.serial != 0);
  loop.cancel(first);
  check_equal(first.serial, 0U);
  loop.cancel(first);
  check(indices(loop.wait(false)) == Indices{2});
  loop.cancel(second);
  check_equal(second.serial, 0U);
  EventLoop::Timer none;
  loop.cancel(none);
  auto third = loop.arm(past, {0, 0, 3});
  auto copy = third;
  loop.cancel(third);
  (void)loop.arm(past, {0, 0, 4});
  loop.cancel(copy);
  check(indices(loop.wait(false)) == Indices{4}, "a stale name cancels nobody else's");
}

TEST("descriptors and timers come together") {
  EventLoop loop;
  const Pipe pipe = Pipe::create();
  require(loop.watch(pipe.read_end.get(), Interest::read, {0, 0, 1}));
  check_equal(ipc::write_all(pipe.write_end.get(), "x"), 0);
  (void)loop.arm(Deadline::now(), {0, 0, 2});
  check(indices(loop.wait()) == Indices{1, 2});
}

TEST("a wait that signals interrupt goes on to its end") {
  struct sigaction action {};
  struct sigaction before {};
  static volatile sig_atomic_t interruptions = 0;
  interruptions = 0;
  action.sa_handler = [](int) { interruptions = interruptions + 1; };
  ::sigaction(SIGALRM, &action, &before);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  timer_t timer{};
  require(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  const itimerspec every{{0, 2'000'000}, {0, 2'000'000}};
  ::timer_settime(timer, 0, &every, nullptr);
  EventLoop loop;
  const Deadline at = Deadline::after(40ms);
  (void)loop.arm(at, {0, 0, 1});
  check(indices(loop.wait()) == Indices{1});
  check(Deadline::now() >= at);
  check(interruptions > 0, "it was interrupted");
  ::timer_delete(timer);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST("the end of a process is told through its pidfd") {
  EventLoop loop;
  const Pipe in = Pipe::create();
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string script = "read line";
  char* argv[] = {shell.data(), option.data(), script.data(), nullptr};
  ipc::SpawnPlan plan;
  plan.path = "/bin/sh";
  plan.argv = argv;
  plan.envp = environ;
  plan.standard[0] = in.read_end.get();
  ipc::Spawned spawned = ipc::spawn(plan);
  require(loop.watch(spawned.process.pidfd(), Interest::read, {0, 0, 1}));
  check(loop.wait(false).empty());
  check_equal(ipc::write_all(in.write_end.get(), "x\n"), 0);
  check(indices(loop.wait()) == Indices{1});
  check(spawned.process.reap().has_value());
  check(loop.wait(false).empty());
}
