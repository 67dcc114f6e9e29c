#include "ipc/start_gate.hpp"

#include "tap.hpp"

namespace {

using namespace std::chrono_literals;

constexpr ipc::Token kToken{9, 0, 1};

struct Bench {
  ipc::EventLoop loop;
  ipc::StartGate gate{loop, kToken};

  /// Waits for the timer, and says how long that took.
  ipc::Duration waited() {
    const ipc::Deadline before = ipc::Deadline::now();
    const auto events = loop.wait();
    check_equal(events.size(), 1U);
    check(events[0].token == kToken);
    return ipc::Deadline::now() - before;
  }
};

}  // namespace

TEST("it is open until something closes it") {
  Bench bench;
  check(bench.gate.open());
  bench.gate.started(0ns);
  bench.gate.ended();
  check(bench.gate.open());
  check(bench.loop.wait(false).empty());
}

TEST("a delay closes it for its time, and a timer tells the end") {
  Bench bench;
  bench.gate.started(20ms);
  check(!bench.gate.open());
  bench.gate.ended();
  check(!bench.gate.open(), "a job's end does not shorten a delay");
  (void)bench.waited();
  check(bench.gate.open());
  check(bench.gate.open());
}

TEST("refusals close it longer each time; a start makes it forget them") {
  Bench bench;
  bench.gate.refused();
  check(!bench.gate.open());
  check(bench.waited() >= 9ms);
  check(bench.gate.open());
  bench.gate.refused();
  check(bench.waited() >= 19ms);
  bench.gate.refused();
  check(bench.waited() >= 39ms);
  check(bench.gate.open());
  bench.gate.started(0ns);
  bench.gate.refused();
  const ipc::Deadline before = ipc::Deadline::now();
  check(!bench.gate.open());
  (void)bench.waited();
  check(ipc::Deadline::now() - before < 1s, "it began anew at 10 ms");
}

TEST("the end of a job opens it after a refusal") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.gate.refused();
  check(!bench.gate.open());
  bench.gate.ended();
  check(bench.gate.open());
}

TEST("refusals wait a second at most, and only the latest timer counts") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.gate.refused();
  const ipc::Duration waited = bench.waited();
  check(waited >= 900ms && waited < 30s);
  check(bench.gate.open());
  check(bench.loop.wait(false).empty());
}

TEST("a delay that never ends keeps it closed") {
  Bench bench;
  bench.gate.started(ipc::Duration::max());
  check(!bench.gate.open());
}
