#pragma once
/// The signals that end a tool, or stop it at Ctrl-Z, held back while messages are out of their queue: they may come when nobody is
/// looking, and must then find a moment at which each message is either delivered or back.
///
/// What is not waited for is cheap: one system call. A descriptor to wait with is made when it is first asked for.

#include <csignal>
#include <optional>

#include "ipc/signals.hpp"

class HeldSignals {
 public:
  HeldSignals() noexcept;
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  /// What has come meanwhile acts now, but for what failed writes have caused.
  ~HeldSignals();

  /// Readable when one has come. Throws Error.
  [[nodiscard]] int descriptor();
  /// The one that has come; only after the first descriptor().
  [[nodiscard]] std::optional<int> next() noexcept;

 private:
  sigset_t before_{};
  std::optional<ipc::SignalQueue> queue_;
};
