/// How the runner ends, and what signals do to it.

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "run_runner.hpp"

void Runner::take_signals() {
  while (const auto signal = signals_.next()) take_signal(*signal);
}

void Runner::take_signal(int signal) {
  switch (signal) {
    case SIGCHLD:
      check_stopped();
      reap_orphans();
      break;
    case SIGTSTP: suspend(); break;
    case SIGCONT: signal_all(SIGCONT); break;
    case SIGPIPE:
    case SIGXFSZ: break;  // the write that caused it has said so
    default:
      if (signal_ != 0) {
        impatient_ = true;
        kill_all();
      } else {
        end_by(signal);
      }
  }
}

/// SIGCHLD is looked at for stops, and for orphans that have come to pqueue; the ends of COMMANDs come through pidfds.
void Runner::check_stopped() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0) return;
    if (info.si_status != SIGTTIN && info.si_status != SIGTTOU) continue;
    const auto slot =
        std::ranges::find_if(slots_, [&](const Slot& s) { return s.process.pid() == info.si_pid; });
    if (slot == slots_.end()) continue;
    // When it did not end as it was asked to, it goes on asking for the terminal.
    if (slot->is_being_ended()) {
      kill(*slot);
    } else {
      interfere(*slot, Interference::stopped, "COMMAND stopped for the terminal; ended");
    }
  }
}

void Runner::reap_orphans() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    // COMMAND must stay until its output has ended. What stands behind it has its turn with the next SIGCHLD.
    const auto is_it = [&](const Slot& slot) { return slot.process.pid() == info.si_pid; };
    if (info.si_pid == guard_.pid() || std::ranges::any_of(slots_, is_it)) return;
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), nullptr, WEXITED | WNOHANG);
  }
}

/// Ctrl-Z: the COMMANDs first, since they are in groups of their own, then pqueue. fg resumes both.
void Runner::suspend() {
  signal_all(SIGTSTP);
  // Somebody else must be there for new messages.
  intake_.pause();
  const ipc::Deadline before = ipc::Deadline::now();
  ipc::suffer_signal(SIGTSTP);
  // Limits are about time in which COMMANDs could run.
  loop_.forget_time(ipc::Deadline::now() - before);
  signal_all(SIGCONT);
}

/// COMMAND that has just died of SIGPIPE has done so because pqueue's own reader is gone.
void Runner::notice_reader() {
  pollfd out{out_.descriptor(), 0, 0};
  if (!reader_gone_ && ::poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0) reader_gone();
}

void Runner::reader_gone() {
  reader_gone_ = true;
  output_watch_.forget_reader();
  if (signal_ == 0) signal_ = out_.is_terminal() ? SIGHUP : SIGPIPE;
  leftovers_.signal(SIGTERM);
  end_all(SIGTERM, std::chrono::milliseconds(100));
}

void Runner::signal_all(int signal) {
  for (Slot& slot : slots_) {
    if (slot.process && !slot.alone) slot.process.signal_group(signal);
  }
}

/// The signal that ends pqueue goes to the COMMANDs, and to what is left of earlier ones.
void Runner::end_by(int signal) {
  signal_ = signal;
  leftovers_.end(signal);
  end_all(signal, config_.kill_after);
}

/// Nothing more can be done, whatever became of the messages.
void Runner::end_with(int status) {
  if (!status_) status_ = status;
  leftovers_.end(SIGTERM);
  end_all(SIGTERM, config_.kill_after);
}

/// No more messages; the COMMANDs get `signal`, and KILL when it did not help within `patience`.
void Runner::end_all(int signal, ipc::Duration patience) {
  if (phase_ == Phase::killing) return;
  phase_ = Phase::ending;
  intake_.pause();
  for (Slot& slot : slots_) {
    if (slot.process && !slot.exited && !slot.is_being_ended()) slot.interference = Interference::ended;
  }
  ipc::adopt_orphans(true);
  signal_all(signal);
  signal_all(SIGCONT);
  loop_.cancel(end_timer_);
  end_timer_ = loop_.arm(ipc::Deadline::after(patience), token(RunEvent::all_end));
}

void Runner::kill_all() {
  phase_ = Phase::killing;
  leftovers_.signal(SIGKILL);
  for (Slot& slot : slots_) {
    if (slot.printing) {
      end_printing(slot);
    } else if (slot.process) {
      kill(slot);
    }
  }
}

/// Something failed that nothing can go on after: what runs is killed, and its messages go back.
void Runner::give_up(const char* reason) {
  phase_ = Phase::killing;
  status_ = ipc::kExitUsage;
  intake_.pause();
  for (Slot& slot : slots_) {
    if (!slot.busy()) continue;
    slot.process = {};
    try {
      settlement_.give_back(slot.lease);
    } catch (const std::exception&) {
      // It goes back by itself, with the end of this process.
    }
    release(slot);
  }
  leftovers_.signal(SIGKILL);
  err_.write(ipc::diagnostic("pqueue", reason));
}
