/// What running jobs do: they write, end, run out of time, stop, and leave things behind.

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "pool.hpp"

namespace {

/// How long a job that has exited may leave its output open.
constexpr ipc::Duration kGrace = std::chrono::seconds(1);
constexpr ipc::Duration kGraceAfterKill = std::chrono::milliseconds(100);
constexpr ipc::Duration kLookAgain = std::chrono::milliseconds(10);

ipc::Duration duration_of(const timeval& t) {
  return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
}

}  // namespace

void Pool::read_stream(Slot& slot, std::size_t stream, const ipc::Event& event) {
  Slot::Stream& from = slot.streams[stream];
  if (!from.pipe || from.paused) return;
  if (!event.readable) return end_stream(slot, stream);
  if (printer_.must_pause(*slot.job, stream)) {
    loop_.unwatch(from.pipe.get());
    from.paused = true;
    ++paused_;
    return;
  }
  const ssize_t n = ipc::read_some(from.pipe.get(), {scratch_.get(), kReadSize});
  if (n < 0 && errno == EAGAIN) return;
  if (n > 0) deliver(slot, stream, {scratch_.get(), static_cast<std::size_t>(n)});
  // With no writer left, a read that was not filled has emptied the pipe.
  const bool emptied = n < static_cast<ssize_t>(kReadSize);
  if (n <= 0 || (event.hung_up && emptied)) end_stream(slot, stream);
}

void Pool::deliver(Slot& slot, std::size_t stream, std::string_view bytes) {
  if (results_) results_->write(*slot.job, slot.results, stream, bytes);
  if (slot.job->claim) {
    if (stream == 1 || is_merged(*slot.job)) slot.job->errors.append(bytes);
    if (stream == 0 && slot.job->claim.wants_answer) return take_answer(*slot.job, bytes);
  }
  printer_.data(*slot.job, stream, bytes);
}

void Pool::take_answer(Job& job, std::string_view bytes) {
  if (job.answer_too_large) return;
  if (bytes.size() <= queue_->longest_answer() - job.answer.size()) {
    job.answer.append(bytes);
    return;
  }
  // A part of an answer is none.
  job.answer = {};
  job.answer_too_large = true;
  printer_.say("job " + std::to_string(job.seq) + ": its answer is larger than a message may be");
}

void Pool::end_stream(Slot& slot, std::size_t stream) {
  slot.streams[stream].pipe.reset();
  if (!slot.exited || !slot.output_ended()) return;
  if (slot.is_being_ended()) return await_family(slot);
  end_job(slot);
}

void Pool::resume_streams() {
  if (paused_ == 0) return;
  for (Slot& slot : slots_) {
    for (std::size_t i = 0; i < kStreams; ++i) {
      Slot::Stream& stream = slot.streams[i];
      if (!slot.job || !stream.paused || printer_.must_pause(*slot.job, i)) continue;
      stream.paused = false;
      --paused_;
      (void)loop_.watch(stream.pipe.get(), ipc::EventLoop::Interest::read, stream_token(i, slot));
    }
  }
}

/// The process is over. Its output may not be: what it started can hold the pipes.
void Pool::exited(Slot& slot) {
  // A signal that hit ppool and its jobs together is the reason of both ends.
  while (const auto signal = signals_.next()) take_signal(*signal);
  slot.exited = true;
  loop_.cancel(slot.limit);
  loop_.unwatch(slot.process.pidfd());
  if (slot.is_being_ended()) return await_family(slot);
  if (slot.output_ended()) return end_job(slot);
  slot.grace = loop_.arm(ipc::Deadline::after(kGrace), token(Kind::grace, slot));
}

/// Whom ppool ends does not leave its family behind; but the family has had the same signal, and has until the KILL to
/// act on it.
void Pool::await_family(Slot& slot) {
  loop_.cancel(slot.grace);
  slot.alone = !slot.process.has_family();
  // Nothing holds the number of an empty group any more: nobody may signal it.
  if (slot.alone) guard_.slot(slot.number - 1).store(0);
  if (slot.alone && slot.output_ended()) return end_job(slot);
  // Only a process that left the group can hold the output of one that is empty.
  const ipc::Duration grace = slot.killed ? kGraceAfterKill : slot.alone ? kGrace : kLookAgain;
  slot.grace = loop_.arm(ipc::Deadline::after(grace), token(Kind::grace, slot));
}

void Pool::grace_over(Slot& slot) {
  slot.grace = {};
  if (slot.is_being_ended() && !slot.killed && !slot.alone) return await_family(slot);
  give_up_output(slot);
}

void Pool::time_out(Slot& slot) {
  if (slot.exited) return;  // in the same batch of events
  slot.timed_out = true;
  ipc::adopt_orphans(true);
  end_softly(slot);
}

/// Lets the group end by itself; a stopped one must wake up for that.
void Pool::end_softly(Slot& slot) {
  slot.process.signal_group(SIGTERM);
  slot.process.signal_group(SIGCONT);
  if (slot.kill.serial == 0) {
    slot.kill = loop_.arm(ipc::Deadline::after(config_.kill_after), token(Kind::kill, slot));
  }
}

void Pool::kill_job(Slot& slot) {
  slot.killed = true;
  if (!slot.alone) slot.process.signal_group(SIGKILL);
  if (slot.exited) await_family(slot);
}

/// Takes what is in the pipe by now, and no more.
void Pool::drain(Slot& slot, std::size_t stream) {
  int left = 0;
  if (!slot.streams[stream].pipe || ::ioctl(slot.streams[stream].pipe.get(), FIONREAD, &left) != 0) return;
  while (left > 0) {
    const std::size_t part = std::min<std::size_t>(kReadSize, static_cast<std::size_t>(left));
    const ssize_t n = ipc::read_some(slot.streams[stream].pipe.get(), {scratch_.get(), part});
    if (n <= 0) return;
    deliver(slot, stream, {scratch_.get(), static_cast<std::size_t>(n)});
    left -= static_cast<int>(n);
  }
}

void Pool::give_up_output(Slot& slot) {
  const bool paused = slot.streams[0].paused || slot.streams[1].paused;
  if (paused && !ending_.is_abrupt()) {
    // The reader of ppool is behind, not the job.
    slot.grace = loop_.arm(ipc::Deadline::after(kGrace), token(Kind::grace, slot));
    return;
  }
  for (std::size_t i = 0; i < kStreams; ++i) {
    drain(slot, i);
    slot.streams[i].pipe.reset();
    paused_ -= slot.streams[i].paused ? 1 : 0;
    slot.streams[i].paused = false;
  }
  if (!slot.is_being_ended() && !slot.killed && !paused) {
    printer_.say("job " + std::to_string(slot.job->seq) +
                 ": its output is still held open by a process it left; the rest is dropped");
  }
  end_job(slot);
}

void Pool::record_result(Slot& slot) {
  JobResult& result = slot.job->result;
  result.runtime = ipc::Deadline::now() - slot.started;
  result.timed_out = slot.timed_out;
  result.ended_by_pool = slot.ended_by_pool;
  slot.process.await();
  // What stays of the group goes over to the leftovers before the guard's slot is cleared.
  if (slot.process.has_family() && !slot.is_being_ended()) leftovers_.add(slot.process.pid());
  guard_.slot(slot.number - 1).store(0);
  const auto report = slot.process.reap();
  if (!report) return;
  result.ending = report->ending;
  // One that was ended for wanting the terminal has failed, however well it took it.
  if (slot.stopped_by != 0 && result.ending.success()) result.ending.signal = slot.stopped_by;
  if (slot.job->answer_too_large) result.ending = {ipc::kExitToolFailed, 0};
  result.user = duration_of(report->usage.ru_utime);
  result.system = duration_of(report->usage.ru_stime);
  result.max_rss = report->usage.ru_maxrss;
}

void Pool::end_job(Slot& slot) {
  record_result(slot);
  loop_.cancel(slot.limit);
  loop_.cancel(slot.kill);
  loop_.cancel(slot.grace);
  --running_;
  auto job = std::move(slot.job);
  const auto being_ended = [](const Slot& other) { return other.job && other.is_being_ended(); };
  if (slot.timed_out && std::ranges::none_of(slots_, being_ended)) ipc::adopt_orphans(false);
  slots_.give_back(slot);
  gate_.ended();
  if (terminal_) {
    terminal_->take_back();
    const int signal = job->result.ending.signal;
    if (signal == SIGINT || signal == SIGQUIT) end_by(signal);
  }
  conclude(std::move(job));
}

bool Pool::will_retry(const Job& job) const {
  return ending_.phase == Phase::running && !job.result.success() && !job.result.ended_by_pool &&
         job.tries > 0 && !job.claim && job.may_be_tried_again(config_.retries.value_or(0));
}

/// A try that another one will follow, here or elsewhere: nothing of it shows.
void Pool::forget(std::unique_ptr<Job> job) {
  if (results_) results_->finish(*job);
  printer_.forget(*job);
  job->result.ended_by_pool = true;
  printer_.finish(std::move(job));
  input_watch_.queue_has_changed();
}

/// The job is over; whether for good is decided here.
void Pool::conclude(std::unique_ptr<Job> job) {
  if (will_retry(*job)) return retries_.put(std::move(job), config_.backoff);
  if (queue_ != nullptr && queue_->take_back(*job)) return forget(std::move(job));
  if (!job->result.ended_by_pool) {
    tally_.count(job->result);
    if (results_) results_->finish(*job);
  }
  printer_.finish(std::move(job));
  input_watch_.queue_has_changed();
  check_halt(false);
}

/// SIGCHLD is looked at for stops, and for orphans that have come to ppool; the ends of jobs come through pidfds.
void Pool::check_stopped() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0) return;
    const auto slot =
        std::ranges::find_if(slots_, [&](const Slot& s) { return s.process.pid() == info.si_pid; });
    if (slot != slots_.end() && slot->job) stopped(*slot, info.si_status);
  }
}

void Pool::reap_orphans() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    // A job's process must stay until its output has ended. What stands behind it has its turn with the next SIGCHLD.
    const auto is_it = [&](const Slot& slot) { return slot.process.pid() == info.si_pid; };
    if (info.si_pid == guard_.pid() || std::ranges::any_of(slots_, is_it)) return;
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), nullptr, WEXITED | WNOHANG);
  }
}

void Pool::stopped(Slot& slot, int signal) {
  if (terminal_ && (signal == SIGTTIN || signal == SIGTTOU) && terminal_->is_with(slot.process.pid())) {
    // It wanted the terminal before it had got it.
    slot.process.signal_group(SIGCONT);
    return;
  }
  if (terminal_ && !terminal_->is_ours()) {
    // Ctrl-Z went to the job, which has the terminal: the whole pipeline stops, as if the job were part of it.
    terminal_->take_back();
    ::kill(0, signal);
    if (signal != SIGSTOP) ipc::suffer_signal(signal);
    if (terminal_->is_ours()) terminal_->give(slot.process.pid());
    slot.process.signal_group(SIGCONT);
    return;
  }
  if (signal != SIGTTIN && signal != SIGTTOU) return;
  // It did not end when it was asked to, and goes on asking for the terminal.
  if (std::exchange(slot.stopped_by, signal) != 0) return kill_job(slot);
  printer_.say("job " + std::to_string(slot.job->seq) + ": stopped for the terminal; ended (see --tty)");
  end_softly(slot);
}
