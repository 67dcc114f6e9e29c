/// delivery.hpp: what counts as delivered when stdout takes only a part.

#include <csignal>
#include <string>
#include <vector>

#include "child.hpp"
#include "delivery.hpp"
#include "descriptors.hpp"
#include "ipc/fd.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

constexpr Framing kLines{};

/// Messages that live as long as this does.
struct Messages {
  std::vector<std::string> texts;
  std::vector<queue::Message> messages;

  explicit Messages(std::vector<std::string> given) : texts(std::move(given)), messages(texts.size()) {
    for (std::size_t i = 0; i < texts.size(); ++i) messages[i].bytes = texts[i];
  }
};

}  // namespace

TEST("all that a file accepts is delivered, in its frames") {
  const Scratch scratch;
  const std::string large(300'000, 'x');
  {
    const ipc::Fd file = ipc::open_file(scratch.file("out"), O_WRONLY);
    HeldSignals signals;
    Delivery delivery(file.get(), {Framing::Kind::length}, signals);
    check_equal(delivery.print(Messages({"a", large, ""}).messages), 3);
    check_equal(delivery.print(Messages({"b\n"}).messages), 1);
    check(!delivery.interruption());
  }
  check(file_text(scratch / "out") == "1\na300000\n" + large + "0\n2\nb\n");
}

TEST("of many messages each is written once, in their order") {
  const Scratch scratch;
  std::string expected;
  {
    const ipc::Fd file = ipc::open_file(scratch.file("out"), O_WRONLY);
    HeldSignals signals;
    Delivery delivery(file.get(), kLines, signals);
    std::vector<std::string> texts;
    for (int i = 0; i < 50'000; ++i) {
      texts.push_back(std::to_string(i) + " and some text to fill the line");
      expected += texts.back() + '\n';
    }
    check_equal(delivery.print(Messages(texts).messages), 50'000);
  }
  check(file_text(scratch / "out") == expected);
}

TEST("what is refused is not delivered, and the errno is told") {
  const ipc::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) skip("no /dev/full here");
  HeldSignals signals;
  Delivery delivery(full.get(), kLines, signals);
  check_equal(delivery.print(Messages({"a", "b"}).messages), 0);
  check_equal(delivery.interruption().errnum, ENOSPC);
  check_equal(delivery.interruption().signal, 0);
}

TEST("without a reader nothing is delivered, and SIGPIPE is what to die of") {
  ipc::Pipe pipe = ipc::Pipe::create();
  pipe.read_end.reset();
  HeldSignals signals;
  Delivery delivery(pipe.write_end.get(), kLines, signals);
  check_equal(delivery.print(Messages({"a", "b"}).messages), 0);
  check_equal(delivery.interruption().signal, SIGPIPE);
}

TEST("a signal interrupts the wait for a reader who pauses; whole messages that the pipe has are delivered") {
  ipc::Pipe pipe = ipc::Pipe::create();
  std::vector<std::string> texts;
  for (char c = 'a'; c <= 'z'; ++c) texts.emplace_back(9'999, c);
  std::size_t count = 0;
  {
    HeldSignals signals;
    Delivery delivery(pipe.write_end.get(), kLines, signals);
    ::raise(SIGTERM);
    count = delivery.print(Messages(texts).messages);
    check_equal(delivery.interruption().signal, SIGTERM);
  }
  pipe.write_end.reset();
  const std::string there = read_all(pipe.read_end.get());
  check_equal(count, there.size() / 10'000);
  check(count > 0 && count < 26, std::to_string(count));
  for (std::size_t i = 0; i < count; ++i) check(there.substr(i * 10'000, 9'999) == texts[i]);
}

TEST("part of a large message is not delivered") {
  ipc::Pipe pipe = ipc::Pipe::create();
  HeldSignals signals;
  Delivery delivery(pipe.write_end.get(), {Framing::Kind::length}, signals);
  ::raise(SIGTERM);
  check_equal(delivery.print(Messages({"a", std::string(1'000'000, 'x'), "b"}).messages), 1);
  check_equal(delivery.interruption().signal, SIGTERM);
}

TEST("a pipe that others have open keeps its flags: writing does not make it non-blocking") {
  ipc::Pipe pipe = ipc::Pipe::create();
  HeldSignals signals;
  Delivery delivery(pipe.write_end.get(), kLines, signals);
  check_equal(delivery.print(Messages({"a"}).messages), 1);
  check_equal(::fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST("a reader who goes while nothing is printed is seen by those who wait") {
  ipc::Pipe pipe = ipc::Pipe::create();
  HeldSignals signals;
  Delivery delivery(pipe.write_end.get(), kLines, signals);
  auto watched = delivery.watched();
  check_equal(::poll(watched.data(), watched.size(), 0), 0);
  delivery.look_at_watched();
  check(!delivery.interruption());
  pipe.read_end.reset();
  watched = delivery.watched();
  check_equal(::poll(watched.data(), watched.size(), 0), 1);
  delivery.look_at_watched();
  check_equal(delivery.interruption().signal, SIGPIPE);
}

TEST("a signal is seen by those who wait") {
  ipc::Pipe pipe = ipc::Pipe::create();
  HeldSignals signals;
  Delivery delivery(pipe.write_end.get(), kLines, signals);
  ::raise(SIGHUP);
  const auto watched = delivery.watched();
  check_equal(::poll(watched.data(), watched.size(), 0), 1);
  delivery.look_at_watched();
  check_equal(delivery.interruption().signal, SIGHUP);
}

TEST("a delimiter inside a message is news once") {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("out"), O_WRONLY);
  HeldSignals signals;
  Delivery delivery(file.get(), kLines, signals);
  (void)delivery.print(Messages({"a", "b"}).messages);
  check(!delivery.has_news_of_ambiguity());
  (void)delivery.print(Messages({"a", "b\nc", "d\ne"}).messages);
  check(delivery.has_news_of_ambiguity());
  (void)delivery.print(Messages({"f\ng"}).messages);
  check(!delivery.has_news_of_ambiguity());
}

TEST("signals that are held act when they are let go, also when nobody ever looked") {
  for (const bool looked : {false, true}) {
    const auto ending = in_child([&] {
      {
        HeldSignals signals;
        if (looked) (void)signals.descriptor();
        ::raise(SIGTERM);
      }
      return 7;
    });
    check_equal(ending.signal, SIGTERM);
  }
}

TEST("a SIGPIPE of a failed write does not act later") {
  const auto ending = in_child([] {
    ipc::Pipe pipe = ipc::Pipe::create();
    pipe.read_end.reset();
    {
      const HeldSignals signals;
      if (::write(pipe.write_end.get(), "a", 1) != -1) return 1;
    }
    return 7;
  });
  check_equal(ending.status(), 7);
}

TEST("ignored signals stay ignored") {
  const auto ending = in_child([] {
    ::signal(SIGINT, SIG_IGN);
    {
      HeldSignals signals;
      (void)signals.descriptor();
      ::raise(SIGINT);
      if (signals.next()) return 1;
    }
    return 7;
  });
  check_equal(ending.status(), 7);
}
