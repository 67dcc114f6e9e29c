#include "retry_queue.hpp"
#include "tap.hpp"

namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

constexpr std::uint8_t kKind = 7;

struct Bench {
  ipc::EventLoop loop;
  ipc::SpoolStore store{0, "/nonexistent"};
  RetryQueue queue{loop, kKind};

  std::unique_ptr<Job> job(std::uint64_t seq, unsigned tries = 1) {
    auto made = std::make_unique<Job>(seq, JobInput{{"x"}, Unfit::no}, store);
    made->tries = tries;
    return made;
  }
  /// What can be taken now.
  Seqs taken() {
    Seqs seqs;
    while (const auto job = queue.take()) seqs.push_back(job->seq);
    return seqs;
  }
};

}  // namespace

TEST("without a back-off they come at once, in order; those held back come first") {
  Bench bench;
  check(bench.queue.empty());
  check(bench.queue.take() == nullptr);
  bench.queue.put(bench.job(1), 0ns);
  bench.queue.put(bench.job(2), 0ns);
  bench.queue.put_first(bench.job(3));
  check(!bench.queue.empty());
  check(bench.taken() == Seqs{3, 1, 2});
  check(bench.queue.empty());
}

TEST("with one they come when their timer has run out") {
  Bench bench;
  bench.queue.put(bench.job(1), 20ms);
  bench.queue.put(bench.job(2), 1ns);
  check(!bench.queue.empty());
  check(bench.taken().empty());
  const ipc::Deadline first = ipc::Deadline::after(20ms);
  Seqs order;
  while (order.size() < 2) {
    for (const ipc::Event& event : bench.loop.wait()) {
      check_equal(static_cast<int>(event.token.kind), static_cast<int>(kKind));
      bench.queue.due(event.token);
    }
    for (const auto seq : bench.taken()) order.push_back(seq);
  }
  check(order == Seqs{2, 1});
  check(ipc::Deadline::now() + 1ms >= first);
  check(bench.queue.empty());
}

TEST("each try doubles the wait") {
  Bench bench;
  const ipc::Deadline before = ipc::Deadline::now();
  bench.queue.put(bench.job(1, 5), 2ms);
  const auto events = bench.loop.wait();
  check(ipc::Deadline::now() - before >= 32ms);
  bench.queue.due(events[0].token);
  check(bench.taken() == Seqs{1});
}

TEST("a wait beyond all numbers is for ever, and not none") {
  Bench bench;
  bench.queue.put(bench.job(1, 100), std::chrono::hours(1));
  bench.queue.put(bench.job(2, 4'000'000'000U), 1ns);
  check(bench.loop.wait(false).empty());
  check(bench.taken().empty());
  check(!bench.queue.empty());
}

TEST("take_any() also gives what still has to wait, and its timer brings nothing back") {
  Bench bench;
  bench.queue.put(bench.job(1), 1ns);
  bench.queue.put(bench.job(2), 0ns);
  check_equal(bench.queue.take_any()->seq, 2U);
  check_equal(bench.queue.take_any()->seq, 1U);
  check(bench.queue.take_any() == nullptr);
  check(bench.queue.empty());
  for (const ipc::Event& event : bench.loop.wait()) bench.queue.due(event.token);
  check(bench.taken().empty());
}
