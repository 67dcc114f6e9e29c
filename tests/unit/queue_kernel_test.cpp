#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "kernel_place.hpp"
#include "latch.hpp"
#include "queue/kernel_queue.hpp"
#include "tap.hpp"

namespace {

using ipc::BadValue;
using ipc::Deadline;
using queue::KernelQueue;
using queue::PutOptions;
using queue::Stop;
using Strings = std::vector<std::string>;

constexpr auto kLong = std::chrono::seconds(60);
constexpr auto kShort = std::chrono::milliseconds(30);

Strings numbers(int from, int to) {
  Strings all;
  for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
  return all;
}

void fill(KernelQueue& queue) {
  while (put(queue, {std::string(512, 'x')}) == 1) {
  }
}

/// A process that waits for a message, or for room, and exits with why it ended.
Child waiter_of(const KernelPlace& place, bool puts, Deadline deadline = Deadline::never()) {
  Child child([&] {
    const auto queue = place.open();
    const std::string text(600, 'w');
    const std::string_view message = text;
    if (puts) return static_cast<int>(queue->put({&message, 1}, {}, deadline, {}).stop);
    const auto& batch = queue->take(1, deadline, {});
    const Stop stop = batch.stop;
    queue->settle(batch.messages.size());
    return static_cast<int>(stop);
  });
  require(eventually([&] { return waits_in(child.pid(), puts ? SYS_msgsnd : SYS_msgrcv); }), "it waits");
  return child;
}

Stop stop_of(Child& child) { return static_cast<Stop>(child.wait().status()); }

bool put_all(KernelQueue& queue, const Strings& messages) {
  const std::vector<std::string_view> views(messages.begin(), messages.end());
  return queue.put(views, {}, Deadline::never(), {}).count == views.size();
}

constexpr int kPutters = 3;
constexpr int kEach = 3000;  // all of them have room in a pipe

/// Writes the numbers that it takes to a pipe, until it takes the word "end": 0.
int pass_on(KernelQueue& queue, int pipe) {
  for (;;) {
    const auto& messages = queue.take(50, Deadline::never(), {}).messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].bytes == "end") {
        queue.settle(i + 1);
        return 0;
      }
      const int number = std::stoi(std::string(messages[i].bytes));
      if (::write(pipe, &number, sizeof number) != sizeof number) return 1;
    }
    queue.settle(messages.size());
  }
}

/// As another program does.
void send_raw(const KernelPlace& place, long type, std::string_view text) {
  ipc::MessageBuffer buffer(text.size());
  buffer.set_type(type);
  buffer.append(text);
  require(ipc::MessageQueue::open(place.key())->send(buffer, Deadline::now()) ==
          ipc::MessageQueue::Outcome::done);
}

}  // namespace

TEST("what is put is taken: any bytes, none, as many as the kernel takes") {
  const KernelPlace place;
  const auto queue = place.open();
  const Strings all{"one", "", std::string("a\0b\n", 4), std::string(5000, 'l')};
  check_equal(put(*queue, all), all.size());
  const auto& batch = queue->take(10, Deadline::never(), {});
  require(batch.messages.size() == all.size());
  check(batch.stop == Stop::none);
  for (std::size_t i = 0; i < all.size(); ++i) {
    check(batch.messages[i].bytes == all[i]);
    check_equal(batch.messages[i].id, 0U);
    check_equal(batch.messages[i].priority, 0);
  }
  queue->settle(all.size());
  const Strings largest{std::string(queue->max_message(), 'm')};
  check_equal(put(*queue, largest), 1U);
  check(taken(*queue) == largest);
  check(queue->take(1, Deadline::now(), {}).stop == Stop::empty);
}

TEST("the higher priority comes first, and what was put first inside one") {
  const KernelPlace place;
  const auto queue = place.open();
  for (const int priority : {3, 0, 9, 3, 0, 9, 1}) {
    static int serial = 0;
    (void)put(*queue, {std::to_string(priority) + std::to_string(++serial)}, priority);
  }
  check(taken(*queue) == Strings{"93", "96", "31", "34", "17", "02", "05"});
}

TEST("a priority counts for those who are in the middle of a backlog, from the next take() on") {
  const KernelPlace place;
  const auto getter = place.open();
  const auto putter = place.open();
  check_equal(put(*putter, numbers(0, 20)), 20U);
  check(taken(*getter, 3) == numbers(0, 3));
  check(taken(*getter, 1) == numbers(3, 4));
  check_equal(put(*putter, {"high"}, 1), 1U);
  check(taken(*getter, 2) == Strings{"high", "4"});
  check_equal(put(*putter, {"higher"}, 9), 1U);
  check(taken(*getter, 1) == Strings{"higher"});
  check(taken(*getter) == numbers(5, 20));
}

TEST("it counts also when who puts it has taken such a message before") {
  const KernelPlace place;
  const auto getter = place.open();
  const auto putter = place.open();
  send_raw(place, 9, "of one");
  check(taken(*putter) == Strings{"of one"});
  check_equal(put(*putter, numbers(0, 20)), 20U);
  check(taken(*getter, 2) == numbers(0, 2));
  check_equal(put(*putter, {"high"}, 1), 1U);
  check(taken(*getter, 1) == Strings{"high"});
}

TEST("what others put with a type is taken by it, soon also from a backlog; types from 11 on are theirs") {
  const KernelPlace place;
  const auto queue = place.open();
  send_raw(place, 11, "not ours");
  check_equal(put(*queue, numbers(0, 400)), 400U);
  check(taken(*queue, 1) == numbers(0, 1));
  send_raw(place, 3, "of seven");
  int turns = 0;
  for (bool found = false; !found && turns < 400; ++turns) {
    const auto& batch = queue->take(1, Deadline::now(), {});
    require(batch.messages.size() == 1);
    found = batch.messages[0].bytes == "of seven";
    if (found) check_equal(batch.messages[0].priority, 7);
    queue->settle(1);
  }
  check(turns <= 64);
  while (!taken(*queue).empty()) {
  }
  check_equal(queue->size().messages, 1U, "what is not ours is left");
}

TEST("a batch has no more than was asked for") {
  const KernelPlace place;
  const auto queue = place.open();
  check_equal(put(*queue, numbers(0, 30)), 30U);
  check(taken(*queue, 1) == numbers(0, 1));
  check(taken(*queue, 10) == numbers(1, 11));
  check(taken(*queue, 0) == numbers(11, 12), "and at least one");
  check(taken(*queue, 100) == numbers(12, 30));
}

TEST("what was not delivered goes back") {
  const KernelPlace place;
  const auto queue = place.open();
  check_equal(put(*queue, {"high"}, 5), 1U);
  check_equal(put(*queue, numbers(0, 4)), 4U);
  require(queue->take(10, Deadline::now(), {}).messages.size() == 5);
  queue->settle(2);
  check_equal(queue->size().messages, 3U);
  check(taken(*queue) == numbers(1, 4));
  check_equal(put(*queue, {"high"}, 5), 1U);
  check_equal(put(*queue, {"low"}), 1U);
  (void)queue->take(10, Deadline::now(), {});
  queue->settle(0);
  check(taken(*queue) == Strings{"high", "low"}, "each to its priority");
}

TEST("what finds no room any more is told") {
  const KernelPlace place;
  const auto queue = place.open();
  const auto other = place.open();
  check_equal(put(*queue, Strings(3, std::string(600, 'm'))), 3U);
  require(queue->take(10, Deadline::now(), {}).messages.size() == 3);
  fill(*other);
  queue->call_it("mine");
  const std::string text = check_throws<BadValue>([&] { queue->settle(1); });
  check(text.starts_with("mine: ") && text.ends_with(": 2"), text);
  queue->settle(0);
}

TEST("who ends without settling puts back what it has, if it can") {
  const KernelPlace place;
  {
    const auto queue = place.open();
    check_equal(put(*queue, numbers(0, 3)), 3U);
    (void)queue->take(2, Deadline::now(), {});
  }
  auto queue = place.open();
  check(taken(*queue) == Strings{"2", "0", "1"});
  check_equal(put(*queue, numbers(0, 3)), 3U);
  (void)queue->take(2, Deadline::now(), {});
  check(KernelQueue::remove(place.path()));
  queue.reset();
  check(!place.is_there(), "and makes nothing");
}

TEST("a full queue takes the first ones, and more when there is room") {
  const KernelPlace place;
  const auto queue = place.open();
  const std::vector<std::string_view> many(100, std::string_view("0123456789012345678901234567890123456789"
                                                                 "0123456789012345678901234567890123456789"));
  auto result = queue->put(many, {}, Deadline::now(), {});
  while (result.stop == Stop::none) result = queue->put(many, {}, Deadline::now(), {});
  check(result.stop == Stop::full);
  check(result.count < many.size());
  check_equal(result.first_id, 0U);
  const auto begin = Deadline::now();
  check(queue->put(many, {}, Deadline::after(kShort), {}).stop == Stop::full);
  check(Deadline::now() - begin >= kShort);
  Child putter = waiter_of(place, true);
  (void)taken(*queue);
  check(stop_of(putter) == Stop::none);
}

TEST("waiting for a message ends with it, or with the deadline") {
  const KernelPlace place;
  const auto queue = place.open();
  for (const auto deadline : {Deadline::never(), Deadline::after(kLong)}) {
    Child getter = waiter_of(place, false, deadline);
    check_equal(put(*queue, {"x"}), 1U);
    check(stop_of(getter) == Stop::none);
  }
  const auto begin = Deadline::now();
  check(queue->take(1, Deadline::after(kShort), {}).stop == Stop::empty);
  check(Deadline::now() - begin >= kShort);
}

TEST("a message that is too large stops the rest, and those before it are put") {
  const KernelPlace place;
  for (const bool packed : {false, true}) {
    const auto queue = place.open(kernel_shape(packed));
    const std::string large(queue->max_message() + 1, 'x');
    const std::vector<std::string_view> messages{"a", "b", large, "c"};
    const auto result = queue->put(messages, {}, Deadline::never(), {});
    check(result.stop == Stop::too_large);
    check_equal(result.count, 2U);
    check(taken(*queue, 0) == (Strings{"a"}), "one at least");
    check(taken(*queue) == Strings{"b"});
    check(KernelQueue::remove(place.path()));
  }
}

TEST("those who wait while it is removed are told, as is who comes later") {
  for (const bool puts : {false, true}) {
    const KernelPlace place;
    const auto queue = place.open();
    if (puts) fill(*queue);
    Child first = waiter_of(place, puts);
    Child second = waiter_of(place, puts, Deadline::after(kLong));
    check(KernelQueue::remove(place.path()));
    check(stop_of(first) == Stop::removed);
    check(stop_of(second) == Stop::removed);
    check(!place.is_there());
    const std::string_view message = "late";
    check(queue->put({&message, 1}, {}, Deadline::never(), {}).stop == Stop::removed);
    check(queue->take(1, Deadline::never(), {}).stop == Stop::removed);
    check_equal(queue->size().messages, 0U);
  }
}

TEST(
    "those who wait while the kernel's queue alone goes are told, too; who opens it anew has its successor") {
  const KernelPlace place;
  const auto queue = place.open();
  Child first = waiter_of(place, false);
  Child second = waiter_of(place, false);
  place.remove_queue();
  check(stop_of(first) == Stop::removed);
  check(stop_of(second) == Stop::removed);
  const std::string_view message = "a";
  check(queue->put({&message, 1}, {}, Deadline::never(), {}).stop == Stop::removed);
  check_equal(put(*place.open(), {"a", "b"}), 2U);
  check_equal(place.open()->size().messages, 2U);
}

TEST("a watched descriptor ends a wait, and says what it has") {
  const KernelPlace place;
  const auto queue = place.open();
  for (const bool puts : {false, true}) {
    if (puts) fill(*queue);
    ipc::Pipe pipe = ipc::Pipe::create();
    const ipc::Pipe quiet = ipc::Pipe::create();
    std::vector<pollfd> watched{{quiet.read_end.get(), POLLIN, 0}, {pipe.read_end.get(), POLLIN, 0}};
    for (const bool hangs_up : {false, true}) {
      if (hangs_up) {
        char byte = 0;
        require(::read(pipe.read_end.get(), &byte, 1) == 1);
      }
      Child teller([&] {
        if (!eventually([&] { return waits_in(::getppid(), puts ? SYS_msgsnd : SYS_msgrcv); })) return 1;
        return hangs_up || ::write(pipe.write_end.get(), "x", 1) == 1 ? 0 : 2;
      });
      if (hangs_up) pipe.write_end.reset();
      const std::string message(512, 'x');
      const std::string_view view = message;
      const Stop stop = puts ? queue->put({&view, 1}, {}, Deadline::after(kLong), watched).stop
                             : queue->take(1, Deadline::never(), watched).stop;
      check(stop == Stop::watched);
      check_equal(watched[0].revents, 0);
      check((watched[1].revents & (hangs_up ? POLLHUP : POLLIN)) != 0);
      check_equal(teller.wait().status(), 0);
    }
  }
}

TEST("other descriptors may be watched the next time, or none") {
  const KernelPlace place;
  const auto queue = place.open();
  const ipc::Pipe loud = ipc::Pipe::create();
  const ipc::Pipe quiet = ipc::Pipe::create();
  require(::write(loud.write_end.get(), "x", 1) == 1);
  std::vector<pollfd> first{{loud.read_end.get(), POLLIN, 0}};
  std::vector<pollfd> second{{quiet.read_end.get(), POLLIN, 0}};
  for (int round = 0; round < 5; ++round) {
    check(queue->take(1, Deadline::never(), first).stop == Stop::watched);
    check(queue->take(1, Deadline::after(std::chrono::milliseconds(2)), second).stop == Stop::empty);
    check(queue->take(1, Deadline::after(std::chrono::milliseconds(2)), {}).stop == Stop::empty);
  }
}

TEST("delays and answers are not a kernel queue's") {
  const KernelPlace place;
  const auto queue = place.open();
  const std::string_view message = "x";
  PutOptions later;
  later.delay = kShort;
  queue->call_it("mine");
  check_equal(check_throws<BadValue>([&] {
                (void)queue->put({&message, 1}, later, Deadline::now(), {});
              }),
              "mine: a kernel queue delays no messages");
  PutOptions asks;
  asks.wants_answer = true;
  check_throws<BadValue>([&] { (void)queue->put({&message, 1}, asks, Deadline::now(), {}); });
  check_equal(queue->size().messages, 0U);
}

TEST("its size is told") {
  const KernelPlace place;
  const auto queue = place.open();
  check_equal(queue->size().messages, 0U);
  check(!queue->size().full);
  check_equal(put(*queue, {"four", "", "1"}), 3U);
  check_equal(queue->size().messages, 3U);
  check_equal(queue->size().bytes, 5U);
  const auto stat = queue->stat();
  check_equal(stat.queued, 3U);
  check_equal(stat.bytes, 5U);
  check(stat.max_bytes >= 5 && stat.last_put > 0 && stat.last_get == 0 && !stat.packed);
  while (put(*queue, {"x"}) == 1) {
  }
  check(queue->size().full);
}

TEST("a packed queue has many messages in one of the kernel's, and gives each") {
  const KernelPlace place;
  const auto queue = place.open(kernel_shape(true));
  check(queue->is_packed() && queue->stat().packed);
  Strings all = numbers(0, 500);
  all[3].clear();
  all[4] = std::string("\0\n\0", 3);
  all[5] = std::string(3000, 'l');
  check_equal(put(*queue, all), all.size());
  std::size_t bytes = 0;
  for (const auto& message : all) bytes += message.size();
  check_equal(queue->size().messages, all.size());
  check_equal(queue->size().bytes, bytes);
  check_equal(ipc::MessageQueue::open(place.key())->status()->messages, 1U, "a frame");
  check(taken(*queue) == all);
  const Strings largest{std::string(queue->max_message(), 'm')};
  check_equal(put(*queue, largest), 1U);
  check(taken(*queue) == largest);
}

TEST("of a packed queue's frame the rest is kept for the next take(), and put back by who ends") {
  const KernelPlace place;
  {
    const auto queue = place.open(kernel_shape(true));
    check_equal(put(*queue, numbers(0, 100), 4), 100U);
    check(taken(*queue, 10) == numbers(0, 10));
    check(taken(*queue, 5) == numbers(10, 15));
    check_equal(queue->size().messages, 0U);
    require(queue->take(20, Deadline::now(), {}).messages.size() == 20);
    queue->settle(19);
    check_equal(queue->size().messages, 1U, "what was not delivered is back at once");
    check(taken(*queue, 1) == numbers(35, 36), "the rest is still here");
  }
  const auto queue = place.open();
  check_equal(queue->size().messages, 65U);
  const auto& batch = queue->take(1000, Deadline::now(), {});
  require(batch.messages.size() == 1);
  check_equal(batch.messages[0].bytes, "34");
  check_equal(batch.messages[0].priority, 4);
  queue->settle(1);
  check(taken(*queue) == numbers(36, 100));
}

TEST("what is no frame is an Error, and the next one is read") {
  const KernelPlace place;
  const auto queue = place.open(kernel_shape(true));
  send_raw(place, 10, "\x7Fshort");
  send_raw(place, 10, "");
  check_equal(put(*queue, {"good"}), 1U);
  try {
    (void)queue->take(5, Deadline::now(), {});
    check(false, "it is told");
  } catch (const ipc::Error& error) {
    check_equal(error.errnum(), EBADMSG);
  }
  check(taken(*queue) == Strings{"good"});
}

TEST("many putters and getters: each message once") {
  for (const bool packed : {false, true}) {
    const KernelPlace place;
    const auto queue = place.open(kernel_shape(packed));
    ipc::Pipe pipe = ipc::Pipe::create();
    std::vector<Child> getters;
    for (int i = 0; i < 2; ++i)
      getters.emplace_back([&] { return pass_on(*place.open(std::nullopt), pipe.write_end.get()); });
    pipe.write_end.reset();
    std::vector<Child> putters;
    for (int i = 0; i < kPutters; ++i) {
      putters.emplace_back(
          [&, i] { return put_all(*place.open(std::nullopt), numbers(i * kEach, (i + 1) * kEach)) ? 0 : 1; });
    }
    for (auto& putter : putters) check_equal(putter.wait().status(), 0);
    for (std::size_t i = 0; i < getters.size(); ++i) check(put_all(*queue, {"end"}));
    for (auto& getter : getters) check_equal(getter.wait().status(), 0);
    std::vector<int> seen(kPutters * kEach, 0);
    int number = 0;
    while (::read(pipe.read_end.get(), &number, sizeof number) == sizeof number)
      ++seen.at(static_cast<std::size_t>(number));
    check(seen == std::vector<int>(kPutters * kEach, 1));
  }
}
