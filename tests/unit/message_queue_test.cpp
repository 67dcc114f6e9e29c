#include "ipc/message_queue.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "queue_key.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using ipc::MessageBuffer;
using ipc::MessageQueue;
using Outcome = ipc::MessageQueue::Outcome;

constexpr auto kLong = std::chrono::seconds(60);
constexpr auto kShort = std::chrono::milliseconds(30);

MessageBuffer letter(std::string_view text, long type = 1) {
  MessageBuffer buffer(text.size());
  buffer.set_type(type);
  buffer.append(text);
  return buffer;
}

Outcome try_send(MessageQueue& queue, std::string_view text, long type = 1) {
  return queue.send(letter(text, type), Deadline::now());
}

/// The first message of `type`, or "nothing".
std::string received(MessageQueue& queue, long type = 0) {
  MessageBuffer buffer(64);
  if (queue.receive(buffer, type, Deadline::now()) != Outcome::done) return "nothing";
  return std::to_string(buffer.type()) + ' ' + std::string(buffer.text());
}

void fill(MessageQueue& queue) {
  const std::string block(512, 'x');
  while (try_send(queue, block) == Outcome::done) {
  }
}

/// A process that waits for a message, or for room, and exits with what came of it.
Child waiter_of(MessageQueue& queue, bool sends, Deadline deadline = Deadline::never()) {
  Child child([&] {
    MessageBuffer buffer = letter("awaited");
    return static_cast<int>(sends ? queue.send(buffer, deadline) : queue.receive(buffer, 0, deadline));
  });
  require(eventually([&] { return waits_in(child.pid(), sends ? SYS_msgsnd : SYS_msgrcv); }), "it waits");
  return child;
}

Outcome outcome_of(Child& child) { return static_cast<Outcome>(child.wait().status()); }

ipc::Duration cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto span = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return span(usage.ru_utime) + span(usage.ru_stime);
}

bool is_default(int signal) {
  struct sigaction action {};
  ::sigaction(signal, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

}  // namespace

TEST("a queue that nobody has made is not there; a key that is taken makes none") {
  const QueueKey place;
  check(!MessageQueue::open(place.key()).has_value());
  check(!place.exists());
  MessageQueue made = place.create();
  check(!MessageQueue::create(place.key(), 0600).has_value());
  auto again = MessageQueue::open(place.key());
  require(again.has_value());
  check(try_send(made, "hello") == Outcome::done);
  check_equal(received(*again), "1 hello", "it is the same one");
}

TEST("any bytes go through whole: none, NUL, newline, as many as the kernel takes") {
  const QueueKey place;
  MessageQueue queue = place.create();
  const std::string binary("a\0b\n\xFF", 5);
  const std::string largest(std::min<std::size_t>(MessageQueue::largest(), 8192), 'l');
  for (const std::string& text : {std::string(), binary, largest}) {
    MessageBuffer buffer(largest.size());
    check(try_send(queue, text) == Outcome::done);
    check(queue.receive(buffer, 0, Deadline::now()) == Outcome::done);
    check(buffer.text() == text);
  }
}

TEST("a message that is larger than the buffer makes it grow, and nothing is cut off") {
  const QueueKey place;
  MessageQueue queue = place.create();
  const std::string text(5000, 't');
  for (const auto deadline : {Deadline::now(), Deadline::after(kLong), Deadline::never()}) {
    MessageBuffer buffer(3);
    check(try_send(queue, text) == Outcome::done);
    check(queue.receive(buffer, 0, deadline) == Outcome::done);
    check(buffer.text() == text);
    check(buffer.capacity() >= text.size());
  }
}

TEST("receive_at_most() leaves what has no room") {
  const QueueKey place;
  MessageQueue queue = place.create();
  MessageBuffer buffer(10);
  check(queue.receive_at_most(buffer, 0, 10) == Outcome::not_now);
  check(try_send(queue, "four") == Outcome::done);
  check(queue.receive_at_most(buffer, 0, 3) == Outcome::too_large);
  check(queue.receive_at_most(buffer, 0, 4) == Outcome::done);
  check_equal(buffer.text(), "four");
  check(try_send(queue, "eleven bytes") == Outcome::done);
  check(queue.receive_at_most(buffer, 0, 100) == Outcome::too_large, "more than the buffer has");
  check_equal(received(queue), "1 eleven bytes");
  queue.remove();
  check(queue.receive_at_most(buffer, 0, 10) == Outcome::gone);
}

TEST("a message that the kernel does not take is too large, not a queue that is gone") {
  const QueueKey place;
  MessageQueue queue = place.create();
  const std::string text(MessageQueue::largest() + 1, 'x');
  for (const auto deadline : {Deadline::now(), Deadline::never()})
    check(queue.send(letter(text), deadline) == Outcome::too_large);
  check_equal(queue.status()->messages, 0U);
}

TEST("the lowest type comes first, and what was sent first inside a type") {
  const QueueKey place;
  MessageQueue queue = place.create();
  for (const auto& [text, type] : {std::pair("a", 5L), {"b", 2L}, {"c", 5L}, {"d", 2L}, {"e", 9L}})
    check(try_send(queue, text, type) == Outcome::done);
  check_equal(received(queue, -8), "2 b");
  check_equal(received(queue, 5), "5 a");
  check_equal(received(queue, -8), "2 d");
  check_equal(received(queue, -8), "5 c");
  check_equal(received(queue, -8), "nothing", "type 9 is beyond");
  check_equal(received(queue, -9), "9 e");
}

TEST("a message is copied and stays; a larger one makes the buffer grow") {
  const QueueKey place;
  MessageQueue queue = place.create();
  MessageBuffer buffer(4);
  const auto none = queue.copy(buffer, 0);
  if (!none) skip("the kernel has no MSG_COPY");
  check(*none == Outcome::not_now);
  check(try_send(queue, "first", 7) == Outcome::done);
  check(try_send(queue, "second", 3) == Outcome::done);
  check(queue.copy(buffer, 1) == Outcome::done);
  check_equal(buffer.text(), "second");
  check(queue.copy(buffer, 0) == Outcome::done);
  check_equal(buffer.text(), "first");
  check_equal(buffer.type(), 7);
  check(queue.copy(buffer, 2) == Outcome::not_now);
  check_equal(queue.status()->messages, 2U);
  queue.remove();
  check(queue.copy(buffer, 0) == Outcome::gone);
}

TEST("its status is told") {
  const QueueKey place;
  MessageQueue queue = place.create();
  const auto before = queue.status();
  require(before.has_value());
  check_equal(before->messages, 0U);
  check_equal(before->last_send, 0);
  check_equal(before->creator, ::geteuid());
  check(try_send(queue, "12345") == Outcome::done);
  check(try_send(queue, "678") == Outcome::done);
  const auto after = queue.status();
  require(after.has_value());
  check_equal(after->messages, 2U);
  check_equal(after->bytes, 8U);
  check(after->max_bytes >= 8);
  check(after->last_send > 0 && after->last_receive == 0);
  queue.remove();
  check(!queue.status().has_value());
  queue.remove();
}

TEST("its owner gives it a smaller bound; no more than the system permits") {
  const QueueKey place;
  MessageQueue queue = place.create();
  const auto usual = queue.status()->max_bytes;
  check(queue.set({::geteuid(), ::getegid(), 0640, 100}));
  check_equal(queue.status()->max_bytes, 100U);
  check(try_send(queue, std::string(60, 'x')) == Outcome::done);
  check(try_send(queue, std::string(60, 'x')) == Outcome::not_now, "full");
  msqid_ds data{};
  require(::msgctl(place.id(), IPC_STAT, &data) == 0);
  check_equal(data.msg_perm.mode & 0777U, 0640U);
  if (!queue.set({::geteuid(), ::getegid(), 0600, usual * 1000}))
    check_equal(queue.status()->max_bytes, 100U);
}

TEST("sending and receiving wait until they can, with a deadline and without") {
  for (const auto deadline : {Deadline::never(), Deadline::after(kLong)}) {
    const QueueKey place;
    MessageQueue queue = place.create();
    Child getter = waiter_of(queue, false, deadline);
    check(try_send(queue, "x") == Outcome::done);
    check(outcome_of(getter) == Outcome::done);
    fill(queue);
    Child putter = waiter_of(queue, true, deadline);
    (void)received(queue);
    check(outcome_of(putter) == Outcome::done);
    check_equal(received(queue, 1).substr(0, 3), "1 x");
  }
}

TEST("they give up at the deadline, not before it and not long after") {
  const QueueKey place;
  MessageQueue queue = place.create();
  for (const bool full : {false, true}) {
    if (full) fill(queue);
    MessageBuffer buffer = letter("more");
    for (int round = 0; round < 3; ++round) {
      const auto deadline = Deadline::after(kShort);
      const Outcome outcome = full ? queue.send(buffer, deadline) : queue.receive(buffer, 0, deadline);
      const auto late = Deadline::now() - deadline;
      check(outcome == Outcome::not_now);
      check(late >= ipc::Duration::zero(), "not before");
      check(late < std::chrono::seconds(1), "not long after");
    }
    const auto begin = Deadline::now();
    for (int round = 0; round < 50; ++round) {
      check((full ? queue.send(buffer, begin) : queue.receive(buffer, 0, begin)) == Outcome::not_now);
    }
    check(Deadline::now() - begin < std::chrono::seconds(1), "a deadline that has passed ends it at once");
  }
  check(is_default(SIGRTMAX));
}

TEST("a deadline that comes as the wait begins is not missed") {
  const QueueKey place;
  MessageQueue queue = place.create();
  MessageBuffer buffer(8);
  for (int round = 0; round < 300; ++round) {
    const auto deadline = Deadline::after(std::chrono::microseconds(round % 30));
    check(queue.receive(buffer, 0, deadline) == Outcome::not_now);
  }
}

TEST("who waits for a queue that is removed is told, as is who comes later") {
  for (const bool sends : {false, true}) {
    for (const auto deadline : {Deadline::never(), Deadline::after(kLong)}) {
      const QueueKey place;
      MessageQueue queue = place.create();
      if (sends) fill(queue);
      Child waiter = waiter_of(queue, sends, deadline);
      queue.remove();
      check(outcome_of(waiter) == Outcome::gone);
      MessageBuffer buffer = letter("late");
      check((sends ? queue.send(buffer, deadline) : queue.receive(buffer, 0, deadline)) == Outcome::gone);
    }
  }
}

TEST("other signals do not end the wait, unless they kill") {
  const QueueKey place;
  MessageQueue queue = place.create();
  for (const auto deadline : {Deadline::never(), Deadline::after(kLong)}) {
    ipc::Pipe handled = ipc::Pipe::create();
    static int told = -1;
    told = handled.write_end.get();
    Child waiter([&] {
      struct sigaction action {};
      action.sa_handler = [](int) { (void)!::write(told, "h", 1); };
      ::sigaction(SIGUSR1, &action, nullptr);
      MessageBuffer buffer(8);
      return static_cast<int>(queue.receive(buffer, 0, deadline));
    });
    for (int i = 0; i < 5; ++i) {
      require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }));
      ::kill(waiter.pid(), SIGUSR1);
      char byte = 0;
      require(::read(handled.read_end.get(), &byte, 1) == 1);
    }
    require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }), "it waits again");
    check(try_send(queue, "x") == Outcome::done);
    check(outcome_of(waiter) == Outcome::done);
    Child killed = waiter_of(queue, false, deadline);
    ::kill(killed.pid(), SIGTERM);
    check_equal(killed.wait().signal, SIGTERM);
  }
}

TEST("waiting costs no time of a processor, with a deadline and without, and watched") {
  for (const int kind : {0, 1, 2}) {
    const QueueKey place;
    MessageQueue queue = place.create();
    const ipc::Pipe pipe = ipc::Pipe::create();
    Child waiter([&] {
      ipc::Watcher watcher(std::vector<pollfd>{{pipe.read_end.get(), POLLIN, 0}});
      MessageBuffer buffer(8);
      const auto begin = Deadline::now();
      const auto before = cpu_time();
      const auto deadline = kind == 1 ? Deadline::after(kLong) : Deadline::never();
      if (queue.receive(buffer, 0, deadline, kind == 2 ? &watcher : nullptr) != Outcome::done) return 1;
      return (cpu_time() - before) * 10 < Deadline::now() - begin ? 0 : 2;
    });
    require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }));
    const timespec a_while{0, 200'000'000};
    ::nanosleep(&a_while, nullptr);
    check(try_send(queue, "x") == Outcome::done);
    check_equal(waiter.wait().status(), 0);
  }
}

TEST("a receiver with another type in mind stays asleep") {
  const QueueKey place;
  MessageQueue queue = place.create();
  Child waiter([&] {
    MessageBuffer buffer(8);
    return static_cast<int>(queue.receive(buffer, 3, Deadline::never())) * 100 +
           static_cast<int>(buffer.type());
  });
  require(eventually([&] { return waits_in(waiter.pid(), SYS_msgrcv); }));
  check(try_send(queue, "no", 2) == Outcome::done);
  check(try_send(queue, "yes", 3) == Outcome::done);
  check_equal(waiter.wait().status(), 3);
}

TEST("no more queues than the system has") {
  const auto ending = in_child([] {
    if (::unshare(CLONE_NEWIPC) != 0) return 98;
    const int limit = ::open("/proc/sys/kernel/msgmni", O_WRONLY);
    if (limit < 0 || ::write(limit, "1", 1) != 1) return 98;
    const QueueKey first;
    const QueueKey second;
    (void)first.create();
    try {
      (void)MessageQueue::create(second.key(), 0600);
      return 1;
    } catch (const MessageQueue::NoMore& no_more) {
      return std::string_view(no_more.what()).find("kernel.msgmni") != std::string_view::npos ? 0 : 2;
    }
  });
  if (ending.code == 98) skip("no IPC namespace with a limit of its own to be had");
  check_equal(ending.status(), 0);
}

TEST("what the system refuses is an Error") {
  if (::geteuid() != 0) skip("cannot become another user");
  const QueueKey place;
  MessageQueue queue = place.create(0600);
  const auto ending = in_child([&] {
    if (::setresuid(61234, 61234, 61234) != 0) return 98;
    MessageBuffer buffer = letter("x");
    int refused = 0;
    const auto count = [&](auto body) {
      try {
        body();
      } catch (const ipc::Error& error) {
        refused += error.errnum() == EACCES || error.errnum() == EPERM ? 1 : 0;
      }
    };
    count([&] { (void)queue.send(buffer, Deadline::now()); });
    count([&] { (void)queue.receive(buffer, 0, Deadline::now()); });
    count([&] { (void)queue.status(); });
    count([&] { queue.remove(); });
    return refused;
  });
  check_equal(ending.status(), 4);
}
