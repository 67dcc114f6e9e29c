#include "ipc/watcher.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <vector>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/message_queue.hpp"
#include "ipc/pipe.hpp"
#include "latch.hpp"
#include "queue_key.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::MessageBuffer;
using Outcome = ipc::MessageQueue::Outcome;

std::size_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

bool is_handled(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler != SIG_DFL;
}

void say(const ipc::Pipe& pipe) { (void)!::write(pipe.write_end.get(), "x", 1); }
void hear(const ipc::Pipe& pipe) {
  char byte = 0;
  (void)!::read(pipe.read_end.get(), &byte, 1);
}

}  // namespace

TEST("news end a wait, whether they come before it or in the middle of it") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  for (const bool before : {true, false}) {
    Child waiter([&] {
      ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
      MessageBuffer buffer(8);
      return static_cast<int>(queue.receive(buffer, 0, Deadline::never(), &watcher));
    });
    if (!before) require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }));
    say(pipe);
    check(static_cast<Outcome>(waiter.wait().status()) == Outcome::watched);
    hear(pipe);
  }
}

TEST("an error and a hang-up are news, though nobody asked for them; others' are not") {
  const QueueKey place;
  auto queue = place.create();
  ipc::Pipe reader_gone = ipc::Pipe::create();
  ipc::Pipe writer_gone = ipc::Pipe::create();
  const ipc::Pipe readable = ipc::Pipe::create();
  say(readable);
  reader_gone.read_end.reset();
  writer_gone.write_end.reset();
  MessageBuffer buffer(8);
  for (const int fd : {reader_gone.write_end.get(), writer_gone.read_end.get(), 9999}) {
    ipc::Watcher watcher(std::vector<pollfd>{{fd, 0, 0}});
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched);
  }
  ipc::Watcher watcher(std::vector<pollfd>{{readable.read_end.get(), 0, 0}, {-1, POLLIN, 0}});
  const auto deadline = Deadline::after(std::chrono::milliseconds(30));
  check(queue.receive(buffer, 0, deadline, &watcher) == Outcome::not_now, "nobody asks for what can be read");
}

TEST("what can be had is had, whatever news there are") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
  MessageBuffer buffer(8);
  say(pipe);
  for (const bool started : {false, true}) {
    if (started) watcher.start();
    check(queue.send(buffer, Deadline::never(), &watcher) == Outcome::done);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::done);
  }
}

TEST("one watcher serves many waits, with news and without") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
  MessageBuffer buffer(8);
  for (int round = 0; round < 40; ++round) {
    say(pipe);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched, "they are still there");
    hear(pipe);
    const auto deadline = Deadline::after(std::chrono::microseconds(50));
    check(queue.receive(buffer, 0, deadline, &watcher) == Outcome::not_now, "and gone");
  }
}

TEST("no thread without a wait; it ends with the watcher") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  MessageBuffer buffer(8);
  const std::size_t before = threads();
  {
    ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
    check(queue.send(buffer, Deadline::never(), &watcher) == Outcome::done);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::done);
    check(queue.receive(buffer, 0, Deadline::now(), &watcher) == Outcome::not_now);
    check_equal(threads(), before);
    say(pipe);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched);
    check_equal(threads(), before + 1);
    check(is_handled(SIGRTMAX));
  }
  check_equal(threads(), before);
  check(!is_handled(SIGRTMAX), "and the signal is as before");
}

TEST("it ends though there is news that nobody hears, without a last signal that kills") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  say(pipe);
  for (int round = 0; round < 200; ++round) {
    ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
    MessageBuffer buffer(8);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched);
  }
  sigset_t pending;
  ::sigpending(&pending);
  check(sigismember(&pending, SIGRTMAX) == 0);
}

TEST("it leaves nothing of its signal behind where that was blocked") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  say(pipe);
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMAX);
  ::sigprocmask(SIG_BLOCK, &set, &before);
  for (int round = 0; round < 100; ++round) {
    ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
    MessageBuffer buffer(8);
    check(queue.receive(buffer, 0, Deadline::never(), &watcher) == Outcome::watched);
  }
  sigset_t pending;
  ::sigpending(&pending);
  check(sigismember(&pending, SIGRTMAX) == 0);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST("signals for the process never land in its thread") {
  const QueueKey place;
  auto queue = place.create();
  const ipc::Pipe pipe = ipc::Pipe::create();
  Latch ready;
  Child waiter([&] {
    static pid_t handled_by = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { handled_by = static_cast<pid_t>(::syscall(SYS_gettid)); };
    ::sigaction(SIGUSR1, &action, nullptr);
    ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
    MessageBuffer buffer(8);
    watcher.start();
    ready.open();
    if (queue.receive(buffer, 0, Deadline::never(), &watcher) != Outcome::done) return 1;
    return handled_by == ::getpid() ? 0 : 2;
  });
  require(ready.wait());
  require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }));
  ::kill(waiter.pid(), SIGUSR1);
  MessageBuffer buffer(8);
  check(queue.send(buffer, Deadline::never()) == Outcome::done);
  check_equal(waiter.wait().status(), 0);
}

TEST("it is for the descriptors that it was made for") {
  const std::vector<pollfd> one{{3, POLLIN, 0}};
  const ipc::Watcher watcher(one);
  check(watcher.is_for(one));
  check(watcher.is_for(std::vector<pollfd>{{3, POLLIN, POLLIN}}), "whatever they have said");
  check(!watcher.is_for(std::vector<pollfd>{{3, POLLOUT, 0}}));
  check(!watcher.is_for(std::vector<pollfd>{{4, POLLIN, 0}}));
  check(!watcher.is_for(std::vector<pollfd>{{3, POLLIN, 0}, {4, 0, 0}}));
  check(!watcher.is_for({}));
}
