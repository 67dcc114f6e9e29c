#pragma once
/// --queue: records are the messages of a durable queue, each under a lease until its job is over. A message is settled
/// when its job has succeeded and the job's output has been written; it goes back when the job has failed, for another
/// try anywhere, and after its last one it goes to the dead letters.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "job.hpp"
#include "queue/file_queue.hpp"
#include "queue/retry_rule.hpp"
#include "source.hpp"

class QueueSource final : public Source {
 public:
  /// Opens the queue; makes it, unless --until-empty says that there is nothing to wait for. Throws ipc::BadValue,
  /// ipc::Error.
  explicit QueueSource(const Config& config);
  ~QueueSource() override { release(); }

  [[nodiscard]] State next(Record& record) override;
  [[nodiscard]] int descriptor() const noexcept override { return queue_->wake_descriptor(); }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept override { return std::nullopt; }

  /// For the guard: what is held stays so while a copy is open. -1 when there is no queue.
  [[nodiscard]] int holding_descriptor() { return queue_ ? queue_->holding_descriptor() : -1; }
  /// No record is wanted for now: another getter gets the turn.
  void pause() noexcept;

  /// The job is over. Whether there will be another one for its message, so that this one does not count. Throws
  /// ipc::Error.
  [[nodiscard]] bool take_back(const Job& job);
  /// The job's output has been written. Throws ipc::Error.
  void written(const Job& job);
  /// What is still held goes back as if it had never been taken.
  void release() noexcept;

  /// The most that an answer may have.
  [[nodiscard]] std::uint64_t longest_answer() const noexcept { return queue_->max_message(); }
  /// Lines about damage that was met since the last call.
  [[nodiscard]] std::vector<std::string> news();
  /// The last words, when there is anything to tell.
  [[nodiscard]] std::optional<std::string> summary() const;

 private:
  [[nodiscard]] State state_without_message(queue::Stop stop);
  void fill(const queue::FileQueue::Leased& leased, Record& record);
  void answer(const Job& job);

  std::string name_;
  std::unique_ptr<queue::FileQueue> queue_;  ///< none: there is nothing, and nothing will come
  queue::RetryRule rule_;
  bool until_empty_;
  bool skip_empty_;
  std::map<std::uint64_t, queue::Lease> held_;  ///< by their serial, in the order in which they were taken
  std::uint64_t dead_ = 0;
};
