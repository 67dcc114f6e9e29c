#include "intake.hpp"

namespace {

/// Jobs in a row that --resume passes over in one go.
constexpr unsigned kPatience = 1000;

}  // namespace

Intake::Intake(const Config& config, Source& source, const Launcher& launcher, ipc::SpoolStore& store,
               ResumeIndex logged)
    : source_(source),
      launcher_(launcher),
      store_(store),
      logged_(std::move(logged)),
      batcher_(source, config, launcher.fixed_bytes(), launcher.copies()),
      logging_(!config.joblog.empty()),
      skip_failed_(!config.resume_failed),
      // With several records a job, or some left out, the number of records is not that of jobs.
      total_(config.max_records || config.fit || config.skip_empty ? std::nullopt : source.total()) {}

Source::State Intake::next(std::unique_ptr<Job>& job) {
  JobInput input;
  for (unsigned passed = 0; passed < kPatience; ++passed) {
    const Source::State state = batcher_.next(input);
    ended_ = state == Source::State::end;
    if (state != Source::State::record) return state;
    auto made = std::make_unique<Job>(++seq_, std::move(input), store_);
    if (!already_done(*made)) {
      job = std::move(made);
      return state;
    }
    ++passed_over_;
  }
  return Source::State::busy;
}

bool Intake::already_done(Job& job) {
  if (!logging_) return false;
  job.key.hash = launcher_.identity(job);
  job.key.occurrence = occurrences_.next(job.key.hash);
  return logged_.has(job.key, !skip_failed_);
}

std::uint64_t Intake::known() const noexcept { return total_.value_or(seq_); }
