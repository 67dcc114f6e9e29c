#pragma once
/// Descriptors that are looked at while their thread is in a system call that knows none, such as msgrcv(2).
///
/// A thread of its own polls them, and interrupts that call when any has something to say. The first wait starts it;
/// it then stays until the end of this object, so that a wait costs no system call more, and none of the processor's
/// time. All signals are blocked in it. For one thread, which must not fork while it lives but to execute a program.

#include <poll.h>
#include <pthread.h>

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "ipc/alarm.hpp"
#include "ipc/fd.hpp"

namespace ipc {

class Watcher {
 public:
  /// The descriptors are borrowed; the list is copied.
  explicit Watcher(std::span<const pollfd> watched);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  /// It looks at these, and for the same.
  [[nodiscard]] bool is_for(std::span<const pollfd> watched) const noexcept;
  [[nodiscard]] bool has_started() const noexcept { return interruptible_ != nullptr; }
  /// Must come before the first Wait. Throws Error.
  void start();

  /// While it lives, the calls of this thread are interrupted again and again when there is news.
  class Wait {
   public:
    /// Nothing is watched when there is no `watcher`.
    explicit Wait(Watcher* watcher) noexcept : watcher_(watcher) {
      if (watcher_ != nullptr) watcher_->begin();
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() {
      if (watcher_ != nullptr) watcher_->waits_.store(false);
    }

   private:
    Watcher* watcher_;
  };

  /// Any has what it asks for, an error or a hang-up now.
  [[nodiscard]] bool has_news() noexcept;

 private:
  void begin() noexcept;
  void ring() const noexcept;
  void run() noexcept;
  void hear_bell() const noexcept;

  std::vector<pollfd> watched_;  ///< of the thread that waits
  std::vector<pollfd> polled_;   ///< of the other one: the bell, and the same again
  std::unique_ptr<Interruptible> interruptible_;
  Fd bell_;
  pthread_t thread_{};
  std::atomic<bool> waits_{false};
  std::atomic<bool> parked_{false};  ///< the thread looks at nothing but its bell
  std::atomic<bool> ends_{false};
};

}  // namespace ipc
