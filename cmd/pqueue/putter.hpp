#pragma once
/// Puts messages batch by batch, and keeps count, so that an error can say what was put before it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config.hpp"
#include "queue/queue.hpp"

class Putter {
 public:
  /// Both are borrowed. With config.print_ids ids go to stdout.
  Putter(const Config& config, queue::Queue& queue) : config_(config), queue_(queue) {}

  /// Puts the messages, waiting for room as -n and -t say, and makes them safe; prints their ids then. Returns
  /// Stop::none, or why it ended before the last; then no more can be put. Throws Error, BadValue.
  /// `more_follow`, at once: these may become safe meanwhile.
  [[nodiscard]] queue::Stop put(std::span<const std::string_view> messages, bool more_follow = false);
  /// All are safe now. Throws Error.
  void finish();

  /// That have been put.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  [[nodiscard]] queue::PutResult put_some(std::span<const std::string_view> messages);

  const Config& config_;
  queue::Queue& queue_;
  std::uint64_t count_ = 0;
  std::uint64_t safe_ = 0;  ///< of these
  std::string ids_;         ///< of the others, as they are printed
};
