#pragma once
/// From records to numbered jobs: those that --resume leaves out are passed over here.

#include <cstdint>
#include <memory>

#include "batch.hpp"
#include "ipc/spool.hpp"
#include "job.hpp"
#include "joblog.hpp"
#include "launcher.hpp"
#include "source.hpp"

class Intake {
 public:
  /// Borrows all but `logged`.
  Intake(const Config& config, Source& source, const Launcher& launcher, ipc::SpoolStore& store,
         ResumeIndex logged);

  /// As Source::next(); `job` is set when there is one. Throws ipc::Error when the input cannot be read.
  [[nodiscard]] Source::State next(std::unique_ptr<Job>& job);
  /// The latest answer was State::end.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// What to wait for after State::pending.
  [[nodiscard]] int descriptor() const noexcept { return source_.descriptor(); }

  /// The jobs known of: those made so far and those passed over, or all where the input says how many.
  [[nodiscard]] std::uint64_t known() const noexcept;
  [[nodiscard]] std::uint64_t passed_over() const noexcept { return passed_over_; }
  /// known() is final.
  [[nodiscard]] bool knows_total() const noexcept { return ended_ || total_.has_value(); }

 private:
  [[nodiscard]] bool already_done(Job& job);

  Source& source_;
  const Launcher& launcher_;
  ipc::SpoolStore& store_;
  ResumeIndex logged_;
  Batcher batcher_;
  OccurrenceCounter occurrences_;
  bool logging_;
  bool skip_failed_;  ///< what has been logged is left out, whether it succeeded or not
  std::optional<std::uint64_t> total_;
  std::uint64_t seq_ = 0;
  std::uint64_t passed_over_ = 0;
  bool ended_ = false;
};
