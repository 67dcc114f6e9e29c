#pragma once
/// A named queue of messages, as those who put and those who print see it. Two kinds implement it: FileQueue, which
/// loses nothing, and KernelQueue, a System V message queue.
///
/// What can be expected (a full queue, an empty one, a closed one, one that was removed) is a value; what the system
/// refuses throws ipc::Error. For one thread.

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ipc/deadline.hpp"
#include "ipc/duration.hpp"
#include "queue/message.hpp"

namespace queue {

struct PutOptions {
  int priority = 0;
  ipc::Duration delay{0};
  bool wants_answer = false;                   ///< keeps a place for an answer
  ipc::Duration keep = std::chrono::hours(1);  ///< how long that answer is kept when nobody reads it
};

/// Why a call did not do all that was asked for.
enum class Stop {
  none,       ///< it did
  full,       ///< put: no room, and the deadline has come
  empty,      ///< take: nothing there, and the deadline has come
  closed,     ///< put: no more messages are taken; take: it is closed, and nothing will come any more
  removed,    ///< somebody has removed it
  too_large,  ///< put: the next message is longer than max_message()
  watched     ///< one of the watched descriptors has something to say
};

struct PutResult {
  std::size_t count = 0;       ///< that were put: the first ones
  std::uint64_t first_id = 0;  ///< theirs are consecutive
  Stop stop = Stop::none;
};

/// Messages that were taken together, in the order in which they are due.
struct Batch {
  std::vector<Message> messages;  ///< views into memory of the queue, valid until the next take()
  Stop stop = Stop::none;         ///< when there are none
};

/// Whether more is taken after a batch: who takes no more is done with the queue at once.
enum class Then { goes_on, ends };

/// Descriptors that a wait looks at besides: it ends when any has what it asks for, an error or a hang-up.
using Watched = std::span<pollfd>;

class Queue {
 public:
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  virtual ~Queue() = default;

  /// Puts messages in their order, at least the first: waits for room for that until `deadline` (with one that has passed
  /// it does not wait). Fewer than all without a reason: call again with the rest.
  [[nodiscard]] virtual PutResult put(std::span<const std::string_view> messages, const PutOptions& options,
                                      ipc::Deadline deadline, Watched watched) = 0;
  /// Makes what this object has put safe from a power cut, where the queue was made for that.
  virtual void sync() = 0;
  /// Begins to, while more is put; what goes wrong is thrown by the next call of either.
  virtual void begin_sync() = 0;

  /// Takes at least one and at most `most` messages (fewer, so that others get their share), waiting until `deadline`.
  /// What was taken before must have been settled.
  [[nodiscard]] virtual const Batch& take(std::size_t most, ipc::Deadline deadline, Watched watched) = 0;
  /// The first `count` messages of the batch have been delivered; the others go back to where they were, as far as the
  /// kind can take them back.
  virtual void settle(std::size_t count, Then then) = 0;
  void settle(std::size_t count) { settle(count, Then::goes_on); }

  struct Size {
    std::uint64_t messages = 0;  ///< waiting, delayed ones included
    std::uint64_t bytes = 0;     ///< their payload
    bool full = false;
  };
  [[nodiscard]] virtual Size size() = 0;
  /// Bytes that a message may have.
  [[nodiscard]] virtual std::uint64_t max_message() const noexcept = 0;
};

}  // namespace queue
