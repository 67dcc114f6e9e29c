#pragma once
/// The durable kind: a directory of files that any number of processes share, without a daemon.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "queue/queue.hpp"
#include "queue/shape.hpp"

namespace queue {

/// One message in the hands of one holder.
struct Lease {
  std::uint32_t run = 0;     ///< where it was; a hint
  std::uint64_t serial = 0;  ///< which lease it is, for ever; 0: none
};

class FileQueue final : public Queue {
 public:
  /// Opens the queue whose directory is `path`; makes it when it is missing and `shape` is given, else returns nothing.
  /// Throws ipc::BadValue for what is no queue, what contradicts `shape`, and a version of a later day; ipc::Error.
  [[nodiscard]] static std::unique_ptr<FileQueue> open(const std::string& path, const Shape* shape,
                                                       bool allow_network);
  ~FileQueue() override;
  /// It has taken something, and still counts as one that may take more: its end must be told to the others.
  [[nodiscard]] bool is_holder() const noexcept;
  /// What errors call it from now on; before, by its path.
  void call_it(std::string name);

  // As every queue
  [[nodiscard]] PutResult put(std::span<const std::string_view> messages, const PutOptions& options,
                              ipc::Deadline deadline, Watched watched) override;
  void sync() override;
  void begin_sync() override;
  [[nodiscard]] const Batch& take(std::size_t most, ipc::Deadline deadline, Watched watched) override;
  using Queue::settle;
  void settle(std::size_t count, Then then) override;
  [[nodiscard]] Size size() override;
  [[nodiscard]] std::uint64_t max_message() const noexcept override;

  // One message at a time, for those who run something for each
  struct Leased {
    Lease lease{};
    Message message;  ///< views into `bytes`
    std::string bytes;
    Stop stop = Stop::none;  ///< why there is no message
  };
  /// Does not wait. When there is none: prepares waiting, so that wake_descriptor() becomes readable when another try is
  /// worth it.
  [[nodiscard]] Leased lease_one();
  /// Readable when lease_one() should be called again. Valid from the first lease_one() that found nothing.
  [[nodiscard]] int wake_descriptor() const noexcept;
  /// No more waiting: another getter gets the turn.
  void stop_waiting() noexcept;
  /// What this process holds is to stay held while a copy of this descriptor is open somewhere (Guard's `kept`).
  [[nodiscard]] int holding_descriptor();

  /// Returns false when the lease is not there any more (settled, expired, the queue emptied or removed).
  bool done(Lease lease);
  /// Back to the front of its priority, now or after `delay`. `failed`: the try counts.
  bool give_back(Lease lease, ipc::Duration delay, bool failed);
  /// Whether there can be a queue of dead letters for this one (that has none itself); and it, if it is there.
  [[nodiscard]] bool has_dead_letters() const;
  [[nodiscard]] std::unique_ptr<FileQueue> dead_letters() const;
  /// To the queue of dead letters, which is made when it is missing.
  bool bury(Lease lease, const Death& death);

  // Leases that no process holds (get --lease)
  /// As take() of one message; it is given back by itself after `time`.
  [[nodiscard]] Leased lease_for(ipc::Duration time, ipc::Deadline deadline, Watched watched);
  [[nodiscard]] static std::string lease_text(Lease lease);
  [[nodiscard]] static std::optional<Lease> parse_lease(std::string_view text);

  // Answers
  /// Stores the answer for message `id`, when a place for it was kept. Throws ipc::Error.
  void answer(std::uint64_t id, int status, std::string_view bytes);
  struct Answer {
    enum class State { ready, not_yet, unknown, dropped, removed, watched } state = State::not_yet;
    int status = 0;
    std::string bytes;
  };
  /// Waits until `deadline`. An answer that is ready stays until it is said to have been read.
  [[nodiscard]] Answer result(std::uint64_t id, ipc::Deadline deadline, Watched watched);

  void answer_was_read(std::uint64_t id);

  // The whole queue
  /// `now`: what waits is dropped.
  void close(bool now);
  /// Waits until nothing is queued, delayed or leased. Stop::none, Stop::empty at the deadline, Stop::removed, watched.
  [[nodiscard]] Stop join(ipc::Deadline deadline, Watched watched);
  /// Drops what waits or is delayed; returns how many.
  std::uint64_t purge();

  struct Holder {
    pid_t pid = 0;              ///< 0: a lease of get --lease
    bool is_elsewhere = false;  ///< that is its pid in another pid namespace
    std::uint64_t id = 0;       ///< of the first message it has
    std::uint64_t count = 0;    ///< messages
    unsigned attempt = 1;
    std::int64_t since = 0;  ///< nanoseconds since the epoch
    std::int64_t until = 0;  ///< of get --lease: when it ends
  };
  struct Stat {
    std::uint64_t queued = 0, delayed = 0, leased = 0, dead = 0;
    std::uint64_t bytes = 0;  ///< payload of queued and delayed
    std::uint64_t puts = 0, gets = 0;
    std::optional<std::int64_t> oldest;  ///< when the oldest that waits was put
    bool closed = false, lifo = false, sync = true;
    std::uint64_t max_messages = 0, max_bytes = 0;  ///< 0: none
    std::vector<Holder> holders;
  };
  [[nodiscard]] Stat stat();

  /// Looks at messages without taking them, in the order in which they would be taken: passes at most `most` to `see`
  /// until that returns false.
  void peek(std::uint64_t most, const std::function<bool(const Message&)>& see);

  /// Checks everything. Each finding is a line; empty when all is sound.
  [[nodiscard]] std::vector<std::string> verify();

  enum class Removal { removed, in_use, missing };
  [[nodiscard]] static Removal remove(const std::string& path, bool force);

  /// Damage that was met and passed over since the last call: a line for each.
  [[nodiscard]] std::vector<std::string> news_of_damage();

 private:
  struct Parts;
  explicit FileQueue(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace queue
