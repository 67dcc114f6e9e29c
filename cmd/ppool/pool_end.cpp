/// How the pool ends, and what signals do to it.

#include "ipc/error.hpp"
#include "pool.hpp"

void Pool::take_signal(int signal) {
  switch (signal) {
    case SIGCHLD: check_stopped(); break;
    case SIGUSR1: add_worker(); break;
    case SIGUSR2: take_worker(); break;
    case SIGTSTP: suspend(); break;
    case SIGCONT: signal_jobs(SIGCONT); break;
    case SIGPIPE: break;  // the write that caused it has said so
    default:
      if (cause_.signal != 0) {
        impatient_ = true;
        kill_all();
      } else {
        end_all(signal, {signal, std::nullopt}, config_.kill_after);
      }
  }
}

void Pool::add_worker() {
  if (workers_ < WorkerCount::kMost) ++workers_;
}

void Pool::take_worker() {
  if (workers_ == 0 || --workers_ > 0 || phase_ != Phase::running) return;
  phase_ = Phase::draining;
  drained_ = true;
}

void Pool::reader_gone() {
  const int signal = printer_.out().is_terminal() ? SIGHUP : SIGPIPE;
  end_all(SIGTERM, {signal, std::nullopt}, std::chrono::milliseconds(100));
  reader_gone_ = true;
}

void Pool::signal_jobs(int signal) {
  for (Slot& slot : slots_) {
    if (slot.job && slot.process) slot.process.signal_group(signal);
  }
}

/// No new jobs; those that run get `signal`, and KILL when it did not help. A weightier cause replaces an earlier one.
void Pool::end_all(int signal, Cause cause, ipc::Duration patience) {
  if (cause_.signal == 0) cause_ = cause;
  if (phase_ == Phase::killing) return;
  phase_ = Phase::ending;
  retries_.clear();
  for (Slot& slot : slots_) {
    if (slot.job && slot.process && !slot.exited) slot.ended_by_pool = true;
  }
  signal_jobs(signal);
  signal_jobs(SIGCONT);
  loop_.cancel(end_timer_);
  end_timer_ = loop_.arm(ipc::Deadline::after(patience), token(Kind::all_must_end));
}

void Pool::kill_all() {
  signal_jobs(SIGKILL);
  phase_ = Phase::killing;
}

/// Ctrl-Z: the jobs first, since they are in groups of their own, then ppool. fg resumes both.
void Pool::suspend() {
  signal_jobs(SIGTSTP);
  printer_.show_bar({});
  ipc::suffer_signal(SIGTSTP);
  signal_jobs(SIGCONT);
}

void Pool::check_halt(bool at_end) {
  if (halted_ || phase_ == Phase::ending || phase_ == Phase::killing) return;
  if (!config_.halt.reached(tally_.succeeded, tally_.failed, at_end)) return;
  halted_ = true;
  if (at_end) return;
  printer_.say("halt: " + config_.halt.condition() + " reached");
  if (config_.halt.when == HaltRule::When::soon) {
    phase_ = Phase::draining;
  } else {
    end_all(SIGTERM, {0, std::nullopt}, config_.kill_after);
  }
}

int Pool::verdict() {
  check_halt(true);
  if (tally_.failed > 0) printer_.say(tally_.summary());
  if (drained_) printer_.say("drained by SIGUSR2; input was left");
  printer_.flush();
  if (cause_.status) return *cause_.status;
  if (!halted_) return tally_.exit_status(config_.exit_rule);
  if (config_.halt.what != HaltRule::What::fail) return ipc::kExitSuccess;
  return config_.exit_rule == ExitRule::summary ? ipc::kExitNo : tally_.exit_status(config_.exit_rule);
}
