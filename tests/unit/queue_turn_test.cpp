#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include "child.hpp"
#include "eventually.hpp"
#include "latch.hpp"
#include "queue/mapped_file.hpp"
#include "queue/turn.hpp"
#include "scratch.hpp"
#include "stepped.hpp"
#include "tap.hpp"

/// ThreadSanitizer: the children here start threads, whatever threads this process has had.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

namespace {

using queue::Turn;

/// What all processes of a test share.
struct Common {
  std::uint64_t tickets = 0;
  std::atomic<int> having{0};    ///< who have the turn now
  std::atomic<int> together{0};  ///< how often there was more than one
  std::atomic<int> turns{0};
  std::atomic<int> waiting{0};
  std::atomic<bool> over{false};
};

/// The file of a turn, and memory that forked processes share.
class Line {
 public:
  Line() : memory_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    require(memory_ != MAP_FAILED);
    common_ = new (memory_) Common;
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { ::munmap(memory_, kSize); }

  [[nodiscard]] Common& common() const noexcept { return *common_; }
  [[nodiscard]] std::unique_ptr<Turn> turn(const char* name = "turn") const {
    return std::make_unique<Turn>(directory_.get(), name, common_->tickets);
  }
  [[nodiscard]] const Scratch& scratch() const noexcept { return scratch_; }

 private:
  static constexpr std::size_t kSize = 4096;
  Scratch scratch_;
  std::string file_ = scratch_.file("turn");
  ipc::Fd directory_ = ipc::open_file(scratch_.path(), O_RDONLY | O_DIRECTORY);
  void* memory_;
  Common* common_ = nullptr;
};

bool is_told(const Turn& turn, int timeout = 0) {
  pollfd one{turn.descriptor(), POLLIN, 0};
  return ::poll(&one, 1, timeout) == 1;
}

/// Waits for it as those do who are told; false when that takes too long.
bool await(Turn& turn) {
  for (int tries = 0; tries < 100; ++tries) {
    if (turn.take()) return true;
    if (!is_told(turn, 20000)) return false;
  }
  return false;
}

}  // namespace

TEST("the first to come has it at once, and keeps it") {
  const Line line;
  const auto turn = line.turn();
  check(turn->take());
  check(turn->take());
  check(!is_told(*turn));
}

TEST("the next one is told when it is passed on, not before") {
  const Line line;
  const auto one = line.turn();
  const auto two = line.turn();
  require(one->take());
  check(!two->take());
  check(!two->take());
  check(!is_told(*two, 20));
  one->pass();
  check(is_told(*two, 20000));
  check(two->take());
  check(!is_told(*two), "the word is taken back");
  check(two->take());
  check(!one->take());
}

TEST("what was passed on can be had again, and passing twice is passing once") {
  const Line line;
  const auto one = line.turn();
  const auto two = line.turn();
  for (int i = 0; i < 20; ++i) {
    check(one->take());
    one->pass();
    one->pass();
    check(two->take());
    two->pass();
  }
}

TEST("those that wait are served in the order in which they came") {
  const Line line;
  const auto first = line.turn();
  require(first->take());
  std::vector<std::unique_ptr<Turn>> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(line.turn());
    check(!others.back()->take());
  }
  first->pass();
  for (std::size_t i = 0; i < others.size(); ++i) {
    check(await(*others[i]));
    for (std::size_t later = i + 1; later < others.size(); ++later) check(!others[later]->take());
    others[i]->pass();
  }
}

TEST("one that leaves the line is passed over, wherever it stands") {
  for (std::size_t leaver = 0; leaver < 3; ++leaver) {
    const Line line;
    const auto first = line.turn();
    require(first->take());
    std::vector<std::unique_ptr<Turn>> others;
    for (int i = 0; i < 3; ++i) {
      others.push_back(line.turn());
      check(!others.back()->take());
    }
    others[leaver]->pass();
    check(!is_told(*others[leaver], 0));
    first->pass();
    for (std::size_t i = 0; i < 3; ++i) {
      if (i == leaver) continue;
      check(await(*others[i]));
      others[i]->pass();
    }
    check(!is_told(*others[leaver], 0), "it hears nothing more");
    check(others[leaver]->take());
  }
}

TEST("one that leaves just as it is told leaves no word behind, and the next has it") {
  const Line line;
  const auto one = line.turn();
  const auto two = line.turn();
  const auto three = line.turn();
  require(one->take());
  check(!two->take());
  check(!three->take());
  one->pass();
  check(is_told(*two, 20000));
  two->pass();  // without having looked
  check(!is_told(*two));
  check(await(*three));
  check(!two->take());
  three->pass();
  check(await(*two));
}

TEST("a death passes it on, of who has it and of who waits for it") {
  const Line line;
  Latch has_it;
  Child owner([&] {
    const auto turn = line.turn();
    if (!turn->take()) return 1;
    has_it.open();
    for (;;) ::pause();
    return 0;
  });
  require(has_it.wait());
  Latch waits;
  Child waiter([&] {
    const auto turn = line.turn();
    if (turn->take()) return 1;
    waits.open();
    for (;;) ::pause();
    return 0;
  });
  require(waits.wait());
  const auto turn = line.turn();
  check(!turn->take());
  ::kill(waiter.pid(), SIGKILL);
  (void)waiter.wait();
  check(!is_told(*turn, 20));
  check(!turn->take());
  ::kill(owner.pid(), SIGKILL);
  check(await(*turn));
  (void)owner.wait();
}

TEST("the end of the object passes it on, also while its thread waits") {
  const Line line;
  auto one = line.turn();
  auto two = line.turn();
  const auto three = line.turn();
  require(one->take());
  check(!two->take());
  check(!three->take());
  two.reset();
  check(!is_told(*three, 5));
  one.reset();
  check(await(*three));
}

TEST("where its file is gone everybody has it") {
  const Line line;
  const auto one = line.turn("missing");
  const auto two = line.turn("missing");
  check(one->take());
  check(two->take());
  one->pass();
  check(one->take());
}

TEST("of many processes one has it at a time, and all have their turns") {
  const Line line;
  Common& common = line.common();
  constexpr int kProcesses = 8;
  constexpr int kRounds = 60;
  std::vector<Child> processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([&] {
      const auto turn = line.turn();
      for (int round = 0; round < kRounds; ++round) {
        if (!await(*turn)) return 1;
        if (common.having.fetch_add(1) != 0) common.together.fetch_add(1);
        ::sched_yield();
        common.turns.fetch_add(1);
        common.having.fetch_sub(1);
        turn->pass();
      }
      return 0;
    });
  }
  for (Child& process : processes) check_equal(process.wait().status(), 0);
  check_equal(common.turns.load(), kProcesses * kRounds);
  check_equal(common.together.load(), 0);
}

TEST("the same with some that leave the line again and again, and objects that come and go") {
  const Line line;
  Common& common = line.common();
  std::vector<Child> processes;
  for (int i = 0; i < 8; ++i) {
    processes.emplace_back([&, i] {
      auto turn = line.turn();
      for (int round = 0; round < 60; ++round) {
        if (round % 10 == 9) turn = line.turn();
        if (i % 2 == 0 && !turn->take()) {
          if (round % 3 == 0) ::sched_yield();
          turn->pass();
          continue;
        }
        if (!await(*turn)) return 1;
        if (common.having.fetch_add(1) != 0) common.together.fetch_add(1);
        ::sched_yield();
        common.having.fetch_sub(1);
        turn->pass();
      }
      return 0;
    });
  }
  for (Child& process : processes) check_equal(process.wait().status(), 0);
  check_equal(common.together.load(), 0);
}

TEST("many that die as they have it, or wait for it, stop nobody") {
  const Line line;
  Common& common = line.common();
  std::vector<Child> processes;
  for (int i = 0; i < 40; ++i) {
    processes.emplace_back([&, i] {
      const auto turn = line.turn();
      if (i % 2 == 0) {
        if (!await(*turn)) return 1;
        common.turns.fetch_add(1);
      } else {
        (void)turn->take();
      }
      ::kill(::getpid(), SIGKILL);
      return 2;
    });
  }
  for (Child& process : processes) check_equal(process.wait().signal, SIGKILL);
  check_equal(common.turns.load(), 20);
  check(line.turn()->take());
}

TEST("of two that come at the same moment one has it, wherever the other is held up on its way") {
  // Another comes when the first has done that many instructions.
  for (const int late : {0, 30, 300}) {
    const Line line;
    Common& common = line.common();
    const auto other = line.turn();
    int after_drawing = 0;
    bool has_come = false;
    bool other_has_it = false;
    step_through(
        [&] {
          const auto turn = line.turn();
          if (turn->take()) common.having = 1;
          common.over = true;
          turn->pass();
        },
        [&] {
          // Not after it has got there: it passes it on at its end.
          if (common.tickets != 0 && !common.over && !has_come && after_drawing++ == late) {
            has_come = true;
            other_has_it = other->take();
          }
          if (common.over && has_come && other_has_it && common.having != 0) common.together = 1;
        });
    check_equal(common.together.load(), 0, std::to_string(late) + " instructions");
    check(await(*other));
  }
}

TEST("somebody who waits for its place before it stands there does not turn it away") {
  const Line line;
  Common& common = line.common();
  const auto first = line.turn();
  require(first->take());
  // As a thread does that gets the lock which it has waited for, and frees it.
  const auto lock_for_a_while = [&line](off_t number) {
    const ipc::Fd file = ipc::open_file(line.scratch() / "turn", O_RDWR);
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = number;
    range.l_len = 1;
    if (::fcntl(file.get(), F_OFD_SETLK, &range) != 0) return 1;
    line.common().waiting = 1;
    const timespec while_it_comes{0, 50'000'000};
    ::nanosleep(&while_it_comes, nullptr);
    return 0;
  };
  std::optional<Child> thread;
  step_through(
      [&] {
        try {
          const auto turn = line.turn();
          common.having = turn->take() ? 1 : 0;
        } catch (const std::exception&) {
          common.together = 1;
        }
      },
      [&] {
        if (common.tickets != 2 || thread) return;
        thread.emplace([&] { return lock_for_a_while(2); });
        require(eventually([&] { return common.waiting == 1; }));
      });
  check_equal(common.together.load(), 0, "it threw");
  check_equal(common.having.load(), 0);
}
