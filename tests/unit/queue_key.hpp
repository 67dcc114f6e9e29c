#pragma once
/// A System V message queue under a key of the test's own, which is gone at the end, and who waits for one.

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>

#include <optional>
#include <random>
#include <string>

#include "ipc/io.hpp"
#include "ipc/message_queue.hpp"
#include "tap.hpp"

class QueueKey {
 public:
  /// Only the key: no queue is there yet.
  QueueKey() {
    std::random_device random;
    do {
      key_ = static_cast<key_t>(random());
    } while (key_ == IPC_PRIVATE || exists());
  }
  explicit QueueKey(key_t key) noexcept : key_(key) {}
  QueueKey(const QueueKey&) = delete;
  QueueKey& operator=(const QueueKey&) = delete;
  ~QueueKey() { remove(); }

  [[nodiscard]] key_t key() const noexcept { return key_; }
  [[nodiscard]] int id() const noexcept { return key_ == IPC_PRIVATE ? -1 : ::msgget(key_, 0); }
  [[nodiscard]] bool exists() const noexcept { return id() >= 0; }
  /// As a reboot does, and ipcrm(1).
  void remove() const noexcept {
    if (const int queue = id(); queue >= 0) ::msgctl(queue, IPC_RMID, nullptr);
  }
  [[nodiscard]] ipc::MessageQueue create(mode_t mode = 0600) const {
    auto queue = ipc::MessageQueue::create(key_, mode);
    require(queue.has_value(), "the key is free");
    return *queue;
  }

 private:
  key_t key_ = IPC_PRIVATE;
};

/// Process `pid` is in the system call of that number (SYS_msgrcv, SYS_msgsnd), and waits there.
inline bool waits_in(pid_t pid, long number) {
  const auto call = ipc::read_small_file(("/proc/" + std::to_string(pid) + "/syscall").c_str());
  return call && call->starts_with(std::to_string(number) + ' ');
}
