#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <memory>

#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "printer.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using Seqs = std::vector<std::uint64_t>;

Config with_mode(Mode mode) {
  Config config;
  config.keep_order = mode == Mode::ordered;
  config.line_buffered = mode == Mode::lines;
  return config;
}

/// A Printer on two pipes, and the ends where its readers would be.
class Bench {
 public:
  explicit Bench(const Config& config, bool merged = false)
      : out_(ipc::Pipe::create()),
        err_(ipc::Pipe::create()),
        redirect_out_(1, out_.write_end.get()),
        redirect_err_(2, merged ? out_.write_end.get() : err_.write_end.get()),
        printer(config, store, [this](const Job& job) { written.push_back(job.seq); }) {
    out_.write_end.reset();
    err_.write_end.reset();
  }

  /// A new job; it stays with the bench until it is finished.
  Job& job(std::uint64_t seq, const std::string& tag = {}) {
    auto& job = jobs_.emplace_back(std::make_unique<Job>(seq, JobInput{{"x"}, Unfit::no}, store));
    job->tag = tag;
    printer.begin(*job);
    return *job;
  }
  Job& running(std::uint64_t seq, const std::string& tag = {}) {
    Job& started = job(seq, tag);
    start(started);
    return started;
  }
  void start(Job& job) {
    ++job.tries;
    printer.started(job);
  }
  void say(Job& job, std::string_view text) { printer.data(job, 0, text); }
  void finish(Job& job) {
    for (auto& owned : jobs_) {
      if (owned.get() == &job) return printer.finish(std::move(owned));
    }
    require(false, "a job that is not finished yet");
  }
  std::string out() { return read_present(out_.read_end.get()); }
  std::string err() { return read_present(err_.read_end.get()); }
  /// Reads and flushes until nothing waits.
  std::string drained() {
    std::string text;
    while (printer.blocked()) {
      text += out();
      printer.flush();
    }
    return text + out();
  }

  ipc::SpoolStore store{64 << 20, "/tmp"};
  Seqs written;

 private:
  ipc::Pipe out_;
  ipc::Pipe err_;
  Redirect redirect_out_;
  Redirect redirect_err_;
  std::vector<std::unique_ptr<Job>> jobs_;

 public:
  Printer printer;
};

}  // namespace

TEST("grouped: nothing before the end of a job, then all of it, each on its own stream") {
  Bench bench(with_mode(Mode::grouped));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  bench.say(one, "1a\n");
  bench.say(two, "2a\n");
  bench.printer.data(one, 1, "1 error\n");
  bench.say(one, "1b, no newline");
  check_equal(bench.out(), "");
  bench.finish(two);
  check_equal(bench.out(), "2a\n", "in order of completion");
  check_equal(bench.err(), "");
  bench.finish(one);
  check_equal(bench.out(), "1a\n1b, no newline");
  check_equal(bench.err(), "1 error\n");
  check(bench.written == Seqs{2, 1});
  check_equal(bench.store.memory_in_use(), 0U);
}

TEST("bytes are counted, whatever tags add") {
  Bench bench(with_mode(Mode::grouped));
  Job& job = bench.running(1, "tag\t");
  bench.say(job, "ab\ncd");
  bench.printer.data(job, 1, "e");
  check_equal(job.bytes_out, 6U);
}

TEST("ordered: the head streams, the others wait for their turn") {
  Bench bench(with_mode(Mode::ordered));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  Job& three = bench.running(3);
  bench.say(two, "2a ");
  bench.say(three, "3a ");
  check_equal(bench.out(), "");
  bench.say(one, "1a ");
  check_equal(bench.out(), "1a ");
  bench.finish(three);
  check_equal(bench.out(), "");
  check(bench.written.empty());
  bench.say(one, "1b ");
  check_equal(bench.out(), "1b ");
  bench.finish(one);
  check_equal(bench.out(), "2a ", "the next one's beginning");
  bench.say(two, "2b ");
  check_equal(bench.out(), "2b ");
  bench.finish(two);
  check_equal(bench.out(), "3a ");
  check(bench.written == Seqs{1, 2, 3});
}

TEST("ordered: errors follow the same order on their own stream") {
  Bench bench(with_mode(Mode::ordered));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  bench.printer.data(two, 1, "2e");
  bench.printer.data(one, 1, "1e");
  check_equal(bench.err(), "1e");
  bench.finish(two);
  bench.finish(one);
  check_equal(bench.err(), "2e");
  check_equal(bench.out(), "");
}

TEST("ordered: a job that was skipped over holds nothing up, one that waits to start does") {
  Bench bench(with_mode(Mode::ordered));
  Job& one = bench.job(1);
  Job& five = bench.running(5);
  bench.say(five, "5");
  bench.finish(five);
  check_equal(bench.out(), "");
  bench.start(one);
  bench.finish(one);
  check_equal(bench.out(), "5");
}

TEST("ordered: with retries to come, only the last try streams") {
  Config config = with_mode(Mode::ordered);
  config.retries = 1;
  Bench bench(config);
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  bench.say(one, "first try");
  check_equal(bench.out(), "");
  bench.printer.forget(one);
  check_equal(one.bytes_out, 0U);
  bench.start(one);
  bench.say(one, "second try");
  check_equal(bench.out(), "second try");
  bench.finish(one);
  bench.say(two, "2");
  check_equal(bench.out(), "", "its first try may be followed by another");
  bench.finish(two);
  check_equal(bench.out(), "2", "it succeeded at once");
}

TEST("ordered: the last try of a job that becomes the head while it runs") {
  Config config = with_mode(Mode::ordered);
  config.retries = 1;
  Bench bench(config);
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  bench.printer.forget(two);
  bench.start(two);
  bench.say(two, "a");
  bench.finish(one);
  check_equal(bench.out(), "a");
  bench.say(two, "b");
  check_equal(bench.out(), "b");
}

TEST("lines: whole lines at once, the rest when it is one or the job ends") {
  Bench bench(with_mode(Mode::lines));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  bench.say(one, "1");
  bench.say(two, "2a\n2b");
  check_equal(bench.out(), "2a\n");
  bench.say(one, "a");
  check_equal(bench.out(), "");
  bench.say(one, "\n1b\n1c");
  check_equal(bench.out(), "1a\n1b\n");
  bench.finish(one);
  check_equal(bench.out(), "1c\n", "completed");
  bench.say(two, "!\n");
  check_equal(bench.out(), "2b!\n");
  bench.finish(two);
  check_equal(bench.out(), "");
  check(bench.written == Seqs{1, 2});
}

TEST("lines: the two streams of a job have lines of their own") {
  Bench bench(with_mode(Mode::lines));
  Job& one = bench.running(1);
  bench.say(one, "out");
  bench.printer.data(one, 1, "err");
  bench.printer.data(one, 1, "or\n");
  check_equal(bench.err(), "error\n");
  check_equal(bench.out(), "");
  bench.finish(one);
  check_equal(bench.out(), "out\n");
  check_equal(bench.err(), "");
}

TEST("lines: a rest that is forgotten is not shown") {
  Bench bench(with_mode(Mode::lines));
  Job& one = bench.running(1, "t\t");
  bench.say(one, "whole\npart");
  bench.printer.forget(one);
  bench.start(one);
  bench.say(one, "again\n");
  bench.finish(one);
  check_equal(bench.out(), "t\twhole\nt\tagain\n");
}

TEST("every line has its tag, however it was cut up") {
  const std::string text = "a\n\nbc\nd";
  const std::string expected = "t\ta\nt\t\nt\tbc\nt\td";
  for (const Mode mode : {Mode::grouped, Mode::ordered, Mode::lines}) {
    for (unsigned cuts = 0; cuts < 1U << (text.size() - 1); ++cuts) {
      Bench bench(with_mode(mode));
      Job& job = bench.running(1, "t\t");
      std::size_t from = 0;
      for (std::size_t at = 1; at <= text.size(); ++at) {
        if (at < text.size() && (cuts >> (at - 1) & 1U) == 0) continue;
        bench.say(job, std::string_view(text).substr(from, at - from));
        from = at;
      }
      bench.finish(job);
      if (!check_equal(bench.out(), expected + (mode == Mode::lines ? "\n" : ""))) return;
    }
  }
}

TEST("a job is handed back when its last byte has been written, not before, and in order") {
  Bench bench(with_mode(Mode::grouped));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  Job& three = bench.running(3);
  bench.say(one, std::string(200'000, '1'));
  bench.say(two, "2");
  bench.finish(one);
  check(bench.written.empty(), "the pipe is full");
  check(bench.printer.blocked());
  bench.finish(two);
  bench.printer.data(three, 1, "3");
  bench.finish(three);
  check_equal(bench.err(), "3", "the other stream is not held up");
  check(bench.written.empty());
  check_equal(bench.printer.waiting(), 3U);
  check(bench.drained() == std::string(200'000, '1') + "2");
  check(bench.written == Seqs{1, 2, 3});
  check_equal(bench.printer.waiting(), 0U);
  check_equal(bench.store.memory_in_use(), 0U);
}

TEST("who streams pauses while its reader is behind; who is held does not") {
  Bench bench(with_mode(Mode::ordered));
  Job& one = bench.running(1);
  Job& two = bench.running(2);
  check(!bench.printer.must_pause(one, 0));
  bench.say(one, std::string(2 << 20, '1'));
  check(bench.printer.must_pause(one, 0));
  check(!bench.printer.must_pause(one, 1), "its other stream has another reader");
  check(!bench.printer.must_pause(two, 0), "its output goes to a spool");
  (void)bench.drained();
  check(!bench.printer.must_pause(one, 0));
  Bench grouped(with_mode(Mode::grouped));
  Job& three = grouped.running(3);
  grouped.say(three, std::string(2 << 20, '3'));
  grouped.finish(three);
  check(!grouped.printer.must_pause(grouped.running(4), 0));
  Bench lines(with_mode(Mode::lines));
  Job& five = lines.running(5);
  lines.say(five, std::string(2 << 20, '5') + '\n');
  check(lines.printer.must_pause(five, 0));
}

TEST("with 2>&1 there is one stream") {
  Bench bench(with_mode(Mode::grouped), true);
  check(bench.printer.merged());
  bench.printer.say("a message");
  Job& one = bench.running(1);
  bench.say(one, "1\n");
  bench.finish(one);
  check_equal(bench.out(), "ppool: a message\n1\n");
  check_equal(&bench.printer.err() == &bench.printer.out(), true);
  check(!Bench(with_mode(Mode::grouped)).printer.merged());
}

TEST("messages and lines of ppool's own go to stderr") {
  Bench bench(with_mode(Mode::grouped));
  bench.printer.say("job 1: failed\n");
  bench.printer.say_line("cmd 'a\nb'\n");
  check_equal(bench.err(), "ppool: job 1: failed?\ncmd 'a\nb'\n");
  check_equal(bench.out(), "");
}

TEST("the bar is drawn once, gives way to output and messages, and goes") {
  Bench bench(with_mode(Mode::lines));
  const std::string clear = "\r\033[K";
  bench.printer.show_bar("bar");
  check_equal(bench.err(), clear + "bar");
  bench.printer.show_bar("bar");
  check_equal(bench.err(), "", "no change");
  Job& one = bench.running(1);
  bench.say(one, "1\n");
  check_equal(bench.err(), clear);
  check_equal(bench.out(), "1\n");
  bench.printer.show_bar("bar");
  check_equal(bench.err(), clear + "bar");
  bench.printer.say("message");
  check_equal(bench.err(), clear + "ppool: message\n");
  bench.printer.show_bar("bar");
  bench.printer.show_bar("");
  check_equal(bench.err(), clear + "bar" + clear);
  bench.printer.show_bar("");
  check_equal(bench.err(), "");
}

namespace {

/// A Printer whose stderr is a terminal, and whose stdout is that, too, or a file.
class Screen {
 public:
  explicit Screen(bool out_too) {
    int ends[2];
    require(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) == 0, "a terminal");
    keyboard_.reset(ends[0]);
    terminal_.reset(ends[1]);
    termios raw{};
    ::tcgetattr(terminal_.get(), &raw);
    ::cfmakeraw(&raw);
    ::tcsetattr(terminal_.get(), TCSANOW, &raw);
    file_ = ipc::open_file(scratch_.file("out"), O_WRONLY);
    redirect_out_ = std::make_unique<Redirect>(1, out_too ? terminal_.get() : file_.get());
    redirect_err_ = std::make_unique<Redirect>(2, terminal_.get());
    printer = std::make_unique<Printer>(config_, store_, [](const Job&) {});
  }

  void run(std::string_view text) {
    auto job = std::make_unique<Job>(1, JobInput{{"x"}, Unfit::no}, store_);
    printer->begin(*job);
    printer->data(*job, 0, text);
    printer->finish(std::move(job));
  }
  std::string shown() { return read_present(keyboard_.get()); }

 private:
  Scratch scratch_;
  Config config_;
  ipc::SpoolStore store_{1 << 20, "/tmp"};
  ipc::Fd keyboard_;
  ipc::Fd terminal_;
  ipc::Fd file_;
  std::unique_ptr<Redirect> redirect_out_;
  std::unique_ptr<Redirect> redirect_err_;

 public:
  std::unique_ptr<Printer> printer;
};

}  // namespace

TEST("on a terminal the bar waits for a fresh line") {
  Screen screen(true);
  screen.run("no newline");
  screen.printer->show_bar("bar");
  check_equal(screen.shown(), "no newline");
  screen.run("\n");
  screen.printer->show_bar("bar");
  check_equal(screen.shown(), "\n\r\033[Kbar");
}

TEST("output that goes elsewhere does not keep the bar off the terminal") {
  Screen screen(false);
  screen.run("no newline");
  screen.printer->show_bar("bar");
  check_equal(screen.shown(), "\r\033[Kbar");
}
