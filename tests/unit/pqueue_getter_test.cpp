/// getter.hpp: how many are taken, what is settled, and with which status it ends.

#include <csignal>
#include <string>

#include "delivery.hpp"
#include "descriptors.hpp"
#include "fake_queue.hpp"
#include "getter.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using queue::Stop;

/// A getter that prints into a file, and whatever it says on stderr.
struct Get {
  Scratch scratch;
  Config config;
  FakeQueue queue;
  HeldSignals signals;
  int rounds = 0;
  std::string said;

  Get() { config.name = "q"; }

  int run(std::uint64_t most) {
    const ipc::Fd file = ipc::open_file(scratch.file("out", file_text(scratch / "out")), O_WRONLY | O_APPEND);
    Delivery delivery(file.get(), config.framing, signals);
    return run(most, delivery);
  }
  int run(std::uint64_t most, Delivery& delivery) {
    ipc::Pipe err = ipc::Pipe::create();
    const Redirect redirect(2, err.write_end.get());
    Getter getter(config, delivery, [&] { ++rounds; });
    const int status = getter.run(queue, most);
    said = read_present(err.read_end.get());
    return status;
  }
  [[nodiscard]] std::string printed() const { return file_text(scratch / "out"); }

  void no_wait() { config.timeout = ipc::Duration::zero(); }
  void time_out() { config.timeout = std::chrono::milliseconds(1); }
};

constexpr std::uint64_t kAll = ~std::uint64_t{0};

}  // namespace

TEST("one message: one take without a wait, one settlement") {
  Get get;
  get.queue.waiting = {"a", "b"};
  check_equal(get.run(1), 0);
  check_equal(get.printed(), "a\n");
  check_equal(get.queue.log, "take 1;settle 1;");
  check_equal(get.rounds, 1);
  check_equal(get.said, "");
}

TEST("N messages as they come, in as many batches as there are") {
  Get get;
  get.queue.waiting = {"a", "b", "c"};
  get.queue.largest_batch = 2;
  get.queue.while_waiting = [&] { get.queue.waiting = {"d", "e"}; };
  check_equal(get.run(4), 0);
  check_equal(get.printed(), "a\nb\nc\nd\n");
  check_equal(get.queue.log, "take 2;settle 2;take 1;settle 1;wait;take 1;settle 1;");
  check_equal(get.queue.waiting.size(), 1);
}

TEST("nothing there: 1 without waiting, 124 when the time ran out, and not a word") {
  Get get;
  get.no_wait();
  check_equal(get.run(1), 1);
  check_equal(get.queue.log, "");
  get.time_out();
  check_equal(get.run(1), 124);
  check_equal(get.queue.log, "wait;");
  check_equal(get.said, "");
}

TEST("-n -c N: 0 if any came") {
  Get get;
  get.no_wait();
  get.queue.waiting = {"a", "b"};
  check_equal(get.run(5), 0);
  check_equal(get.printed(), "a\nb\n");
  get.queue.when_empty = Stop::closed;
  get.queue.waiting = {"c"};
  check_equal(get.run(5), 0);
  check_equal(get.run(5), 3, "and 3 when none will ever come");
}

TEST("--all does not wait") {
  Get get;
  get.config.all = true;
  check_equal(get.run(kAll), 1);
  get.queue.waiting = {"a"};
  check_equal(get.run(kAll), 0);
  get.queue.when_empty = Stop::closed;
  check_equal(get.run(kAll), 3);
  check(get.queue.log.find("wait") == std::string::npos);
}

TEST("-c N -t: 124 when fewer came") {
  Get get;
  get.time_out();
  get.queue.waiting = {"a"};
  check_equal(get.run(2), 124);
  check_equal(get.printed(), "a\n");
}

TEST("closed: 3, but 0 for -f when something came") {
  Get get;
  get.queue.when_empty = Stop::closed;
  check_equal(get.run(1), 3);
  get.queue.waiting = {"a"};
  check_equal(get.run(2), 3, "fewer than -c");
  get.config.follow = true;
  check_equal(get.run(kAll), 3);
  get.queue.waiting = {"a"};
  check_equal(get.run(kAll), 0);
  check_equal(get.said, "");
}

TEST("removed: 3, told") {
  Get get;
  get.queue.when_empty = Stop::removed;
  get.queue.waiting = {"a"};
  get.config.follow = true;
  check_equal(get.run(kAll), 3);
  check_equal(get.said, "pqueue: q: removed\n");
}

TEST("what stdout does not accept goes back") {
  const ipc::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) skip("no /dev/full here");
  Get get;
  get.queue.waiting = {"a", "b", "c"};
  Delivery delivery(full.get(), get.config.framing, get.signals);
  (void)get.run(3, delivery);
  check_equal(delivery.interruption().errnum, ENOSPC);
  check_equal(get.queue.log, "take 3;settle 0;");
  check_equal(get.queue.waiting.size(), 3);
}

TEST(
    "a signal while stdout is full: what the pipe has is settled, the rest goes back, nothing more is "
    "taken") {
  ipc::Pipe pipe = ipc::Pipe::create();
  Get get;
  for (int i = 0; i < 100; ++i) get.queue.waiting.emplace_back(9'999, 'x');
  Delivery delivery(pipe.write_end.get(), get.config.framing, get.signals);
  ::raise(SIGTERM);
  (void)get.run(kAll, delivery);
  check_equal(delivery.interruption().signal, SIGTERM);
  const std::size_t whole = read_present(pipe.read_end.get()).size() / 10'000;
  check_equal(get.queue.log, "take 100;settle " + std::to_string(whole) + ';');
  check_equal(get.queue.waiting.size(), 100 - whole);
}

TEST("a signal between two batches ends it, with all that was taken settled") {
  Get get;
  get.queue.waiting = {"a", "b"};
  get.queue.largest_batch = 1;
  (void)get.signals.descriptor();
  ::raise(SIGINT);
  const ipc::Fd null = ipc::open_file("/dev/null", O_WRONLY);
  Delivery delivery(null.get(), get.config.framing, get.signals);
  (void)get.run(kAll, delivery);
  check_equal(delivery.interruption().signal, SIGINT);
  check_equal(get.queue.log, "take 1;settle 1;");
}

TEST("a signal, or a reader who goes, ends a wait") {
  for (const bool by_signal : {true, false}) {
    Get get;
    ipc::Pipe pipe = ipc::Pipe::create();
    Delivery delivery(pipe.write_end.get(), get.config.framing, get.signals);
    get.queue.while_waiting = [&] {
      if (by_signal) {
        ::raise(SIGTERM);
      } else {
        pipe.read_end.reset();
      }
    };
    (void)get.run(1, delivery);
    check_equal(delivery.interruption().signal, by_signal ? SIGTERM : SIGPIPE);
    check_equal(get.queue.log, "wait;");
  }
}

TEST("a message that holds the delimiter is told once") {
  Get get;
  get.queue.waiting = {"a\nb", "c\nd"};
  get.queue.largest_batch = 1;
  check_equal(get.run(2), 0);
  check_equal(get.said, "pqueue: q: a message holds the delimiter of the output (see --len)\n");
}
