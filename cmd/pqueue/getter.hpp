#pragma once
/// Takes messages and prints them, until it has as many as were asked for or there is a reason to end.
/// What stdout has accepted is settled, everything else is back in the queue when run() returns.

#include <cstdint>
#include <functional>

#include "config.hpp"
#include "delivery.hpp"
#include "queue/queue.hpp"

class Getter {
 public:
  /// All are borrowed. `after_batch`: called when messages have been settled.
  Getter(const Config& config, Delivery& delivery, std::function<void()> after_batch)
      : config_(config), delivery_(delivery), after_batch_(std::move(after_batch)) {}

  /// Prints at most `most` messages and returns the status; with delivery.interruption() it means nothing.
  [[nodiscard]] int run(queue::Queue& queue, std::uint64_t most);
  /// The same with leases, which end by `done`, not by being printed.
  [[nodiscard]] int lend(queue::FileQueue& queue, std::uint64_t most);

 private:
  /// `take` is called with a deadline and what to watch until it has something or may not wait any more.
  template <class Take>
  [[nodiscard]] queue::Stop wait(Take&& take);
  [[nodiscard]] int status_of(queue::Stop stop) const;
  [[nodiscard]] bool waits() const noexcept { return !config_.no_wait() && !config_.all; }
  void end_round(std::uint64_t count);

  const Config& config_;
  Delivery& delivery_;
  std::function<void()> after_batch_;
  std::uint64_t got_ = 0;
};
