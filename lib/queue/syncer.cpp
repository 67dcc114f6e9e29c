#include "queue/syncer.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "queue/mapped_file.hpp"

namespace queue {

struct Syncer::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  enum class State { idle, begun, done, leaving } state = State::idle;
  Job job;
  std::thread thread;

  void work() noexcept;
};

/// The thread's whole life.
void Syncer::Shared::work() noexcept {
  std::unique_lock guard(mutex);
  for (;;) {
    changed.wait(guard, [this] { return state == State::begun || state == State::leaving; });
    if (state == State::leaving) return;
    guard.unlock();
    run(job);
    guard.lock();
    state = State::done;
    changed.notify_one();
  }
}

void Syncer::run(Job& job) noexcept {
  for (const ipc::Fd& file : job.files) {
    if (const int failed = sync_data(file.get()); failed != 0) job.errnum = failed;
  }
  if (job.errnum == 0 && job.directory) job.errnum = sync_file(job.directory.get());
}

Syncer::Syncer() = default;

Syncer::~Syncer() {
  if (shared_ == nullptr) return;
  if (has_job_) static_cast<void>(end());
  if (!shared_->thread.joinable()) return;
  {
    const std::lock_guard guard(shared_->mutex);
    shared_->state = Shared::State::leaving;
  }
  shared_->changed.notify_one();
  shared_->thread.join();
}

void Syncer::begin(Job job) {
  has_job_ = true;
  if (shared_ == nullptr) {
    shared_ = std::make_unique<Shared>();
    // Signals are for the main thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      shared_->thread = std::thread([shared = shared_.get()] { shared->work(); });
    } catch (const std::system_error&) {
      // It is done in turn then.
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  if (!shared_->thread.joinable()) {
    run(job);
    shared_->job = std::move(job);
    shared_->state = Shared::State::done;
    return;
  }
  {
    const std::lock_guard guard(shared_->mutex);
    shared_->job = std::move(job);
    shared_->state = Shared::State::begun;
  }
  shared_->changed.notify_one();
}

Syncer::Job Syncer::end() {
  std::unique_lock guard(shared_->mutex);
  shared_->changed.wait(guard, [this] { return shared_->state == Shared::State::done; });
  shared_->state = Shared::State::idle;
  has_job_ = false;
  return std::exchange(shared_->job, {});
}

}  // namespace queue
