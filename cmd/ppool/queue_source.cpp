#include "queue_source.hpp"

#include <algorithm>
#include <cerrno>

#include "ipc/error.hpp"
#include "queue/open.hpp"

namespace {

/// Messages in a row that -r passes over in one go.
constexpr unsigned kPatience = 1000;

std::unique_ptr<queue::FileQueue> open(const Config& config) {
  const queue::Shape usual;
  queue::Opened opened = queue::open_queue(config.queue, config.until_empty ? nullptr : &usual, false);
  if (opened.kernel) {
    throw ipc::BadValue(config.queue + ": a kernel queue cannot take back what a job failed with");
  }
  return std::move(opened.file);
}

int status_of(const JobResult& result) {
  return result.timed_out ? ipc::kExitTimeout : result.ending.status();
}

}  // namespace

QueueSource::QueueSource(const Config& config)
    : name_(config.queue),
      queue_(open(config)),
      rule_(static_cast<unsigned>(config.retries.value_or(queue::RetryRule::kUsualRetries)), config.backoff,
            queue_ && queue_->has_dead_letters()),
      until_empty_(config.until_empty),
      skip_empty_(config.skip_empty) {}

Source::State QueueSource::next(Record& record) {
  if (!queue_) return State::end;
  for (unsigned skipped = 0; skipped < kPatience; ++skipped) {
    const queue::FileQueue::Leased leased = queue_->lease_one();
    if (leased.lease.serial == 0) return state_without_message(leased.stop);
    if (skip_empty_ && leased.message.bytes.empty()) {
      static_cast<void>(queue_->done(leased.lease));
      continue;
    }
    fill(leased, record);
    held_.emplace(leased.lease.serial, leased.lease);
    return State::record;
  }
  return State::busy;
}

Source::State QueueSource::state_without_message(queue::Stop stop) {
  if (stop == queue::Stop::removed) throw ipc::Error(EIDRM, "", name_);
  if (stop == queue::Stop::closed) return State::end;
  // What is in our own hands may go back.
  const bool is_empty = until_empty_ && held_.empty() && queue_->size().messages == 0;
  return is_empty ? State::end : State::pending;
}

void QueueSource::fill(const queue::FileQueue::Leased& leased, Record& record) {
  const queue::Message& message = leased.message;
  record.too_long = message.bytes.size() > StreamSource::kLongest;
  record.fields.assign(1, std::string(message.bytes.substr(0, StreamSource::kLongest)));
  record.claim = {leased.lease, message.id, message.attempt, message.wants_answer,
                  rule_.is_last(message.attempt)};
}

void QueueSource::pause() noexcept {
  if (queue_) queue_->stop_waiting();
}

void QueueSource::answer(const Job& job) {
  if (job.claim.wants_answer) queue_->answer(job.claim.id, status_of(job.result), job.answer);
}

bool QueueSource::take_back(const Job& job) {
  const Claim& claim = job.claim;
  if (!claim || job.result.success()) return false;
  held_.erase(claim.lease.serial);
  if (job.result.ended_by_pool) {
    static_cast<void>(queue_->give_back(claim.lease, ipc::Duration::zero(), false));
    return false;
  }
  if (!claim.is_last_try) {
    static_cast<void>(queue_->give_back(claim.lease, rule_.delay_after(claim.attempt), true));
    return true;
  }
  answer(job);
  if (queue_->bury(claim.lease, {status_of(job.result), claim.attempt, job.errors.text()})) ++dead_;
  return false;
}

void QueueSource::written(const Job& job) {
  if (!job.claim || !job.result.success() || held_.erase(job.claim.lease.serial) == 0) return;
  answer(job);
  static_cast<void>(queue_->done(job.claim.lease));
}

void QueueSource::release() noexcept {
  try {
    pause();
    // The latest first, so that they stand in their old order again.
    while (!held_.empty()) {
      const auto last = std::prev(held_.end());
      static_cast<void>(queue_->give_back(last->second, ipc::Duration::zero(), false));
      held_.erase(last);
    }
  } catch (const std::exception&) {
    // They go back by themselves, with the end of this process.
  }
}

std::vector<std::string> QueueSource::news() {
  std::vector<std::string> lines;
  if (queue_) lines = queue_->news_of_damage();
  for (std::string& line : lines) line.insert(0, name_ + ": ");
  return lines;
}

std::optional<std::string> QueueSource::summary() const {
  if (dead_ == 0) return std::nullopt;
  return name_ + ": " + queue::dead_summary(dead_, name_);
}
