#pragma once
/// Prints messages, and knows which of them stdout has accepted as a whole: those are delivered.
///
/// It waits for a reader who pauses, and for signals at the same time. What stdout refuses and what comes in between is
/// told in the result; nothing is thrown.

#include <poll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "framer.hpp"
#include "held_signals.hpp"
#include "ipc/sink.hpp"
#include "queue/message.hpp"

/// Why a tool ends before its work is done: a signal to die of, or an errno of stdout to tell.
struct Interruption {
  int signal = 0;
  int errnum = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return signal != 0 || errnum != 0; }
};

class Delivery {
 public:
  /// `signals` is borrowed.
  Delivery(int fd, Framing framing, HeldSignals& signals);

  /// How many of the messages, the first ones, have been accepted: all of them unless it was interrupted.
  [[nodiscard]] std::size_t print(std::span<const queue::Message> messages);
  [[nodiscard]] const Interruption& interruption() const noexcept { return interruption_; }

  /// For others that wait: signals and hang-ups of stdout. Throws Error.
  [[nodiscard]] std::span<pollfd> watched();
  /// What came of that.
  void look_at_watched() noexcept;
  /// Whether a signal has come.
  void look_for_signals() noexcept;

  /// A message held the delimiter, and this has not been asked before.
  [[nodiscard]] bool has_news_of_ambiguity() noexcept;

 private:
  void flush();
  /// Returns when all is written, or with an interruption.
  void write(std::string_view bytes);
  void wait_for_room();

  ipc::Sink sink_;
  Framer framer_;
  HeldSignals& signals_;
  std::array<pollfd, 2> watched_{};
  std::string text_;            ///< that is to be written
  std::uint64_t accepted_ = 0;  ///< bytes of the messages being printed
  Interruption interruption_;
  enum class Ambiguity { none, met, told } ambiguity_ = Ambiguity::none;
};
