/// How the pool ends, and what signals do to it.

#include "ipc/error.hpp"
#include "pool.hpp"

void Pool::take_signal(int signal) {
  switch (signal) {
    case SIGCHLD:
      check_stopped();
      reap_orphans();
      break;
    case SIGUSR1: workers_ = std::min(workers_ + 1, WorkerCount::kMost); break;
    case SIGUSR2: take_worker(); break;
    case SIGTSTP: suspend(); break;
    case SIGCONT: signal_jobs(SIGCONT); break;
    case SIGPIPE:
    case SIGXFSZ: break;  // the write that caused it has said so
    default:
      if (ending_.signal != 0) {
        ending_.impatient = true;
        kill_all();
      } else {
        end_by(signal);
      }
  }
}

void Pool::take_worker() {
  if (workers_ == 0 || --workers_ > 0 || ending_.phase != Phase::running) return;
  ending_.phase = Phase::draining;
  ending_.drained = true;
}

void Pool::reader_gone() {
  ending_.reader_gone = true;
  output_watch_.forget_reader();
  if (ending_.signal == 0) ending_.signal = printer_.out().is_terminal() ? SIGHUP : SIGPIPE;
  leftovers_.signal(SIGTERM);
  end_all(SIGTERM, std::chrono::milliseconds(100));
}

void Pool::signal_jobs(int signal) {
  for (Slot& slot : slots_) {
    if (slot.job && slot.process && !slot.alone) slot.process.signal_group(signal);
  }
}

/// The signal that ends ppool goes to the jobs, and to what is left of earlier ones.
void Pool::end_by(int signal) {
  ending_.signal = signal;
  leftovers_.end(signal);
  end_all(signal, config_.kill_after);
}

void Pool::fail() {
  ending_.status = ipc::kExitToolFailed;
  leftovers_.end(SIGTERM);
  end_all(SIGTERM, config_.kill_after);
}

/// No new jobs; those that run get `signal`, and KILL when it did not help within `patience`.
void Pool::end_all(int signal, ipc::Duration patience) {
  if (ending_.phase == Phase::killing) return;
  ending_.phase = Phase::ending;
  for (Slot& slot : slots_) {
    if (slot.job && slot.process && !slot.exited) slot.ended_by_pool = true;
  }
  ipc::adopt_orphans(true);
  signal_jobs(signal);
  signal_jobs(SIGCONT);
  loop_.cancel(end_timer_);
  end_timer_ = loop_.arm(ipc::Deadline::after(patience), token(Kind::all_must_end));
}

void Pool::kill_all() {
  ending_.phase = Phase::killing;
  if (ending_.ends_leftovers()) leftovers_.signal(SIGKILL);
  for (Slot& slot : slots_) {
    if (slot.job && slot.process) kill_job(slot);
  }
}

/// Ctrl-Z: the jobs first, since they are in groups of their own, then ppool. fg resumes both.
void Pool::suspend() {
  signal_jobs(SIGTSTP);
  input_watch_.pause();
  printer_.show_bar({});
  const ipc::Deadline before = ipc::Deadline::now();
  ipc::suffer_signal(SIGTSTP);
  // Time-outs are about time in which the jobs could run.
  loop_.forget_time(ipc::Deadline::now() - before);
  signal_jobs(SIGCONT);
}

void Pool::check_halt(bool at_end) {
  if (ending_.halted || ending_.is_abrupt()) return;
  if (!config_.halt.reached(tally_.succeeded, tally_.failed, at_end)) return;
  ending_.halted = true;
  if (at_end) return;
  printer_.say("halt: " + config_.halt.condition() + " reached");
  if (config_.halt.when == HaltRule::When::soon) {
    ending_.phase = Phase::draining;
  } else {
    end_all(SIGTERM, config_.kill_after);
  }
}

/// Something failed that nothing can go on after: what runs is killed, and what waits is dropped.
void Pool::give_up(const char* reason) {
  ending_.phase = Phase::killing;
  ending_.status = ipc::kExitToolFailed;
  printer_.abandon();
  slots_.clear();
  while (retries_.take_any()) {
  }
  running_ = 0;
  leftovers_.signal(SIGKILL);
  printer_.say(reason);
}

/// The last words, once all jobs are over.
void Pool::report() {
  check_halt(true);
  if (config_.progress) show_progress(true);
  if (tally_.failed > 0) printer_.say(tally_.summary());
  if (queue_ != nullptr) {
    if (const auto summary = queue_->summary()) printer_.say(*summary);
  }
  std::unique_ptr<Job> left;
  if (ending_.drained && !intake_.ended() && intake_.next(left) != Source::State::end) {
    printer_.say("drained by SIGUSR2; input was left");
  }
}

int Pool::verdict() const {
  if (ending_.status) return *ending_.status;
  if (!ending_.halted) return tally_.exit_status(config_.exit_rule);
  if (config_.halt.what != HaltRule::What::fail) return ipc::kExitSuccess;
  return config_.exit_rule == ExitRule::summary ? ipc::kExitNo : tally_.exit_status(config_.exit_rule);
}
