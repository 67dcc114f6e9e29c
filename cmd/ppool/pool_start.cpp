/// What starts: records become jobs, jobs become processes, as far as workers, descriptors and processes go.

#include <time.h>

#include <algorithm>
#include <cerrno>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/open_files.hpp"
#include "ipc/pipe.hpp"
#include "pool.hpp"

namespace {

constexpr unsigned kTurn = 256;
constexpr std::size_t kMostPlaces = std::size_t{1} << 17;

std::int64_t unix_milliseconds() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

/// Gone as soon as something else ends.
bool is_passing(int errnum) {
  return errnum == EAGAIN || errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE;
}

}  // namespace

/// Raises the soft limit where the jobs need it, and keeps to what the hard limit allows.
void Pool::fit_descriptors() {
  constexpr std::uint64_t kInFlight = 10;  // new pipes, the spill file, files of --results
  const std::uint64_t streams = config_.ungrouped ? 0 : printer_.merged() && config_.results.empty() ? 1 : 2;
  const auto room = ipc::make_room_for(workers_, 1 + streams + (config_.results.empty() ? 0 : 2), kInFlight);
  if (room.inherited) launcher_.restore_open_files(*room.inherited);
  if (room.jobs == workers_) return;
  most_ = room.jobs;
  printer_.say("ulimit -n " + std::to_string(room.limit) + ": running at most " +
               Complaints::jobs_at_a_time(most_));
}

/// Returns whether it stopped only for other things to get their turn: jobs that end before they start never fill the
/// slots, and there may be any number of them.
bool Pool::start_jobs() {
  for (unsigned turn = 0; turn < kTurn; ++turn) {
    if (!may_start()) {
      input_watch_.pause();
      return false;
    }
    auto job = next_job();
    if (!job) return input_busy_;
    start(std::move(job));
  }
  return true;
}

/// Jobs that were waiting for another try when starting ended: with the try they had, or as if never begun.
void Pool::give_up_retries() {
  while (auto job = retries_.take_any()) {
    job->result.ended_by_pool = job->tries == 0 || ending_.is_abrupt();
    conclude(std::move(job));
  }
}

bool Pool::may_start() {
  if (ending_.phase != Phase::running || running_ >= limit()) return false;
  // Nobody reads: more output would only pile up.
  if (printer_.blocked() && printer_.waiting() >= 2 * std::size_t{limit()}) return false;
  // One slow job at the head must not let finished ones pile up without end.
  if (printer_.places() >= kMostPlaces + limit()) return false;
  return gate_.open();
}

std::unique_ptr<Job> Pool::next_job() {
  if (auto job = retries_.take()) return job;
  input_busy_ = false;
  if (intake_.ended() || input_watch_.is_waiting()) return nullptr;
  try {
    return new_job();
  } catch (const ipc::Error& error) {
    printer_.say(error.what());
    ending_.status = ipc::kExitToolFailed;
    ending_.phase = Phase::draining;
    return nullptr;
  }
}

std::unique_ptr<Job> Pool::new_job() {
  std::unique_ptr<Job> job;
  const Source::State state = intake_.next(job);
  if (queue_ != nullptr) {
    for (const std::string& line : queue_->news()) printer_.say(line);
  }
  input_busy_ = state == Source::State::busy;
  if (state == Source::State::record) printer_.begin(*job);
  if (state == Source::State::pending) input_watch_.wait_for(intake_.descriptor());
  return job;
}

void Pool::make_texts(Job& job) {
  launcher_.prepare(job);
  if (log_ != nullptr || results_) job.command_line = launcher_.quoted(log_ != nullptr);
  job.tag = launcher_.tag(job);
  if (config_.verbose) printer_.say_line(launcher_.quoted(false) + '\n');
}

void Pool::start(std::unique_ptr<Job> owned) {
  Slot& slot = slots_.take();
  Job& job = *owned;
  slot.job = std::move(owned);
  job.slot = slot.number;
  if (job.tries > 0) printer_.forget(job);
  job.result = {};
  job.result.started_ms = unix_milliseconds();
  slot.started = ipc::Deadline::now();
  slot.exited = slot.timed_out = slot.ended_by_pool = slot.killed = slot.alone = false;
  slot.stopped_by = 0;
  if (job.input.unfit == Unfit::nul_byte) return cannot_run(slot, EINVAL);
  if (job.input.unfit == Unfit::too_long) return cannot_run(slot, E2BIG);
  make_texts(job);
  const int unfit = launcher_.unfit();
  if (unfit != 0) return cannot_run(slot, unfit);
  ipc::Spawned spawned = spawn(slot);
  if (spawned.failed != ipc::Spawned::Step::none) return not_started(slot, spawned);
  slot.process = std::move(spawned.process);
  ++job.tries;
  ++running_;
  gate_.started(config_.delay);
  watch_job(slot);
  printer_.started(job);
}

/// Its two streams are one pipe.
bool Pool::is_merged(const Job& job) const noexcept {
  return printer_.merged() && !results_ && !job.claim.wants_answer;
}

ipc::Spawned Pool::spawn(Slot& slot) {
  Launcher::Streams streams;
  ipc::Pipe out;
  ipc::Pipe err;
  try {
    if (!config_.ungrouped) {
      out = ipc::Pipe::create();
      streams.out = streams.err = out.write_end.get();
    }
    if (!config_.ungrouped && !is_merged(*slot.job)) {
      err = ipc::Pipe::create();
      streams.err = err.write_end.get();
    }
    if (results_) slot.results = results_->begin(*slot.job);
  } catch (const ipc::Error& error) {
    if (!is_passing(error.errnum())) throw;
    return {{}, ipc::Spawned::Step::clone, error.errnum()};
  }
  ipc::Spawned spawned = launcher_.start(*slot.job, streams, signals_, guard_);
  if (spawned.failed == ipc::Spawned::Step::none) {
    slot.streams[0].pipe = std::move(out.read_end);
    slot.streams[1].pipe = std::move(err.read_end);
  }
  return spawned;
}

void Pool::watch_job(Slot& slot) {
  (void)loop_.watch(slot.process.pidfd(), ipc::EventLoop::Interest::read, token(Kind::exit, slot));
  for (std::size_t i = 0; i < kStreams; ++i) {
    slot.streams[i].paused = false;
    if (!slot.streams[i].pipe) continue;
    (void)loop_.watch(slot.streams[i].pipe.get(), ipc::EventLoop::Interest::read, stream_token(i, slot));
  }
  if (config_.timeout) slot.limit = loop_.arm(slot.started + *config_.timeout, token(Kind::limit, slot));
}

void Pool::not_started(Slot& slot, const ipc::Spawned& spawned) {
  using Step = ipc::Spawned::Step;
  switch (spawned.failed) {
    case Step::directory: throw ipc::Error(spawned.errnum, "", config_.directory);
    case Step::nice: throw ipc::Error(spawned.errnum, "", "--nice " + std::to_string(config_.nice));
    default: break;
  }
  if (is_passing(spawned.errnum)) return hold_back(slot, spawned.errnum);
  if (spawned.failed == Step::clone) throw ipc::Error(spawned.errnum, "fork", launcher_.command_name());
  if (spawned.errnum == E2BIG || launcher_.command_varies()) return cannot_run(slot, spawned.errnum);
  // What cannot be executed now will not be later: end as if it had been noticed before the first job.
  printer_.say(launcher_.command_name() + ": " + ipc::reason(spawned.errnum));
  slot.job->result.ended_by_pool = true;
  printer_.finish(std::move(slot.job));
  slots_.give_back(slot);
  ending_.status = ipc::Lookup{{}, spawned.errnum}.status();
  end_all(SIGTERM, config_.kill_after);
}

/// The system has no process or descriptor to spare: the job waits until something has ended, or for a while when
/// nothing of ours is left to end.
void Pool::hold_back(Slot& slot, int errnum) {
  const char* refused = errnum == EMFILE || errnum == ENFILE ? "pipe" : "fork";
  if (running_ == 0 && gate_.refused_too_often()) throw ipc::Error(errnum, "", refused);
  retries_.put_first(std::move(slot.job));
  slots_.give_back(slot);
  gate_.refused();
  if (const auto text = complaints_.fewer(refused, errnum, running_)) printer_.say(*text);
}

/// A record that can be no argument, or whose own command is not there: the job has failed, the run goes on.
void Pool::cannot_run(Slot& slot, int errnum) {
  Job& job = *slot.job;
  const std::string word = job.input.unfit == Unfit::no ? launcher_.first_word() : std::string();
  if (const auto text = complaints_.cannot_run(job.seq, word, errnum)) printer_.say(*text);
  job.result.ending.code = ipc::Lookup{{}, errnum}.status();
  job.errors.append(ipc::diagnostic("ppool", ipc::reason(errnum)));
  if (results_ && job.tries == 0) (void)results_->begin(job);
  auto owned = std::move(slot.job);
  slots_.give_back(slot);
  conclude(std::move(owned));
}
