#pragma once
/// Jobs that have been tried or held back, and come before new ones: at once, or after their time.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "ipc/event_loop.hpp"
#include "job.hpp"

class RetryQueue {
 public:
  /// `kind`: of the tokens with which timers come back to due().
  RetryQueue(ipc::EventLoop& loop, std::uint8_t kind) noexcept : loop_(loop), kind_(kind) {}

  void put_first(std::unique_ptr<Job> job) { ready_.push_front(std::move(job)); }

  /// After its n-th try a job waits 2^(n-1) times `backoff`.
  void put(std::unique_ptr<Job> job, ipc::Duration backoff) {
    if (backoff.count() == 0) {
      ready_.push_back(std::move(job));
      return;
    }
    loop_.arm(ipc::Deadline::after(ipc::doubled(backoff, job->tries - 1)), {kind_, 0, serial_});
    waiting_.emplace(serial_++, std::move(job));
  }

  void due(const ipc::Token& token) {
    auto node = waiting_.extract(token.index);
    if (!node.empty()) ready_.push_back(std::move(node.mapped()));
  }

  /// The next job whose time has come, or nothing.
  [[nodiscard]] std::unique_ptr<Job> take() {
    if (ready_.empty()) return nullptr;
    auto job = std::move(ready_.front());
    ready_.pop_front();
    return job;
  }

  /// The same, whether its time has come or not.
  [[nodiscard]] std::unique_ptr<Job> take_any() {
    if (auto job = take()) return job;
    if (waiting_.empty()) return nullptr;
    return std::move(waiting_.extract(waiting_.begin()).mapped());
  }

  [[nodiscard]] bool empty() const noexcept { return ready_.empty() && waiting_.empty(); }

 private:
  ipc::EventLoop& loop_;
  std::uint8_t kind_;
  std::deque<std::unique_ptr<Job>> ready_;
  std::map<std::uint32_t, std::unique_ptr<Job>> waiting_;  ///< by the index of their timer's token
  std::uint32_t serial_ = 0;
};
