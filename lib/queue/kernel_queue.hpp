#pragma once
/// The volatile kind: a System V message queue, for live traffic between processes that run.
///
/// A small file has its random key, so that it is found by NAME; the kernel has all the rest. What the kernel promises
/// is what there is: at most once (a process that is killed loses what it has taken, or what was just being handed to
/// it), nothing survives a reboot, and IPC namespaces do not share queues. When the kernel's queue has gone, but not the
/// file (a reboot, RemoveIPC of logind.conf(5), ipcrm(1)), an empty one is made in its place, also for those who wait.
///
/// A message is one msgsnd(2) of type 10 - priority, and is taken with type -10: other programs may take part, and
/// keep larger types for themselves. In a packed queue a message of the kernel is a frame of many messages.
///
/// msgrcv(2) looks through all messages for the lowest type, unless that is 1: 20 times slower, where messages are short,
/// than to take the first of one type. So the file remembers whether anybody has ever put a message of another priority
/// than 0, and as long as nobody has, getters that come upon a backlog take type 10. Messages that other programs put
/// there with a lower type come first only where a getter looks for them: when it finds no other, and now and then.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/message_queue.hpp"
#include "ipc/watcher.hpp"
#include "queue/kernel_file.hpp"
#include "queue/queue.hpp"
#include "queue/shape.hpp"

namespace queue {

class KernelQueue final : public Queue {
 public:
  /// Opens the queue whose file is `path`; makes it when it is missing and `shape` asks for a kernel queue, else returns
  /// nothing. Throws ipc::BadValue for a file that is no queue, for what contradicts `shape` and for what no kernel queue
  /// can do; ipc::MessageQueue::NoMore; ipc::Error. The texts do not name the queue: its user knows it by a better name.
  [[nodiscard]] static std::unique_ptr<KernelQueue> open(const std::string& path, const Shape* shape);
  /// Puts back what was taken and not settled, where there is room.
  ~KernelQueue() override;
  /// What errors call it from now on.
  void call_it(std::string name) { name_ = std::move(name); }

  // As every queue. The first wait that looks at `watched` starts a thread, which lasts as long as this object.

  /// There are no ids: first_id is 0. Throws ipc::BadValue for a delay and for an answer.
  [[nodiscard]] PutResult put(std::span<const std::string_view> messages, const PutOptions& options,
                              ipc::Deadline deadline, Watched watched) override;
  /// Does nothing: a kernel queue is on no disk.
  void sync() override {}
  void begin_sync() override {}
  /// All that are there, up to `most`. A frame of a packed queue is taken whole; what is beyond `most` is kept for the
  /// next take() of this object. Throws ipc::Error (EBADMSG) when another program has put there what is no frame.
  [[nodiscard]] const Batch& take(std::size_t most, ipc::Deadline deadline, Watched watched) override;
  /// What was not delivered goes back to the end of its priority. Throws ipc::BadValue, with how many in its text, for
  /// messages that find no room any more: they are lost.
  using Queue::settle;
  void settle(std::size_t count, Then then) override;
  /// As stat() says.
  [[nodiscard]] Size size() override;
  [[nodiscard]] std::uint64_t max_message() const noexcept override { return file_.max_message(); }

  struct Stat {
    /// Messages and their payload; of a packed queue, frames and their bytes, where the kernel does not let us look into
    /// them (MSG_COPY, msgop(2)).
    std::uint64_t queued = 0, bytes = 0;
    std::uint64_t max_bytes = 0;  ///< that it holds
    std::int64_t last_put = 0;    ///< seconds since the epoch; 0: never
    std::int64_t last_get = 0;
    bool packed = false;
    bool full = false;  ///< not one byte more has room
  };
  [[nodiscard]] Stat stat();
  [[nodiscard]] bool is_packed() const noexcept { return file_.is_packed(); }

  /// The queue and its file, with all that is in it; those who wait end with Stop::removed. False when there is none.
  /// Throws ipc::BadValue for a file that is no queue, and ipc::Error.
  static bool remove(const std::string& path);

 private:
  explicit KernelQueue(KernelFile file);
  [[nodiscard]] ipc::Watcher* watcher_for(Watched watched);
  [[nodiscard]] PutResult put_in_order(std::span<const std::string_view> messages, const PutOptions& options,
                                       ipc::Deadline deadline, Watched watched);
  [[nodiscard]] Stop send(ipc::Deadline deadline, Watched watched);
  [[nodiscard]] std::size_t fill(std::span<const std::string_view> messages);
  [[nodiscard]] Stop receive(ipc::Deadline deadline, Watched watched);
  [[nodiscard]] bool receive_plain();
  void take_more(std::size_t most);
  void take_frame(std::size_t most, ipc::Deadline deadline, Watched watched);
  void take_from_rest(std::size_t most);
  void count_in_frames(Stat& stat);
  void add(std::string_view bytes, int priority);
  [[nodiscard]] std::size_t put_back(std::size_t count);

  KernelFile file_;
  std::string name_ = "kernel queue";
  std::optional<ipc::Watcher> watcher_;
  ipc::MessageBuffer out_;
  ipc::MessageBuffer in_;
  std::vector<char> bytes_;  ///< of the batch; not of a packed queue
  std::size_t used_ = 0;     ///< of bytes_
  std::string_view frame_;   ///< what is left of the frame in in_
  bool priorities_ = false;  ///< there have been some
  bool noted_ = false;       ///< and the file knows of ours
  bool backlog_ = false;     ///< there may be more than what was taken
  unsigned turns_ = 0;       ///< since all types were looked at
  Batch batch_;
};

}  // namespace queue
