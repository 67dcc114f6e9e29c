#pragma once
/// System V message queues (msgop(2)): messages of any bytes, each with a type, that the kernel keeps.
///
/// msgsnd(2) and msgrcv(2) know no deadline, and a signal ends them; where there is a deadline, an Alarm is that signal.
/// Nothing is ever cut off: a message that is larger than the room for it stays in the queue, and the room grows.
///
/// A handle: the queue outlives it, and the process, until remove(). Safe among any number of processes. IPC namespaces
/// do not share queues. Units: bytes of text; the kernel counts neither types nor its own headers.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ipc/deadline.hpp"
#include "ipc/watcher.hpp"

namespace ipc {

/// Room for one message, which lies behind its type as the kernel wants it.
class MessageBuffer {
 public:
  explicit MessageBuffer(std::size_t capacity);

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// More room; what is in it is lost.
  void grow(std::size_t capacity);

  [[nodiscard]] long type() const noexcept { return memory_[0]; }
  [[nodiscard]] std::string_view text() const noexcept { return {begin(), size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void set_type(long type) noexcept { memory_[0] = type; }
  void clear() noexcept { size_ = 0; }
  /// `bytes` fit.
  void append(std::string_view bytes) noexcept;

 private:
  friend class MessageQueue;
  [[nodiscard]] char* begin() const noexcept { return reinterpret_cast<char*>(memory_.get() + 1); }

  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::unique_ptr<long[]> memory_;
};

class MessageQueue {
 public:
  /// What an operation met: `not_now`: full or empty, and the deadline has come; `gone`: the queue has been removed,
  /// before it or while it waited; `watched`: the Watcher has news.
  enum class Outcome { done, not_now, gone, too_large, watched };

  struct Status {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t max_bytes = 0;  ///< that it holds, and also the most messages
    std::int64_t last_send = 0;   ///< seconds since the epoch; 0: never
    std::int64_t last_receive = 0;
    uid_t creator = 0;
  };
  /// What its owner may change.
  struct Terms {
    uid_t user = 0;
    gid_t group = 0;
    mode_t mode = 0600;
    std::uint64_t max_bytes = 0;
  };
  /// The system has as many queues as it may have (kernel.msgmni).
  class NoMore : public std::exception {
   public:
    [[nodiscard]] const char* what() const noexcept override;
  };

  /// Nothing when there is no queue under `key`. Throws Error.
  [[nodiscard]] static std::optional<MessageQueue> open(key_t key);
  /// Nothing when the key is taken. Throws NoMore and Error.
  [[nodiscard]] static std::optional<MessageQueue> create(key_t key, mode_t mode);

  /// Waits for room until `deadline` (without waiting when that has passed). Throws Error.
  [[nodiscard]] Outcome send(const MessageBuffer& message, Deadline deadline, Watcher* watcher = nullptr);

  /// Takes the first message of type `type`; of the lowest type up to -`type` when that is negative. Makes `message`
  /// grow for one that is larger. Throws Error.
  [[nodiscard]] Outcome receive(MessageBuffer& message, long type, Deadline deadline,
                                Watcher* watcher = nullptr);
  /// Does not wait; too_large when the first one has more than `room` bytes, of the capacity.
  [[nodiscard]] Outcome receive_at_most(MessageBuffer& message, long type, std::size_t room);

  /// Copies the message at place `index` of the queue, from 0, which stays there; not_now when there is none. Nothing
  /// where the kernel cannot do that (MSG_COPY, msgop(2)). Throws Error.
  [[nodiscard]] std::optional<Outcome> copy(MessageBuffer& message, long index) const;

  /// Nothing when it is gone. Throws Error.
  [[nodiscard]] std::optional<Status> status() const;
  /// False where the system does not permit it: not the owner, or more bytes than kernel.msgmnb. Throws Error.
  [[nodiscard]] bool set(const Terms& terms);
  void remove();

  /// Bytes that a message may have here (kernel.msgmax).
  [[nodiscard]] static std::size_t largest();

 private:
  explicit MessageQueue(int id) noexcept : id_(id) {}

  int id_;
};

}  // namespace ipc
