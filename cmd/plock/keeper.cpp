#include "keeper.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"

namespace {

enum Kind : std::uint8_t { kSignals, kChild, kTimer };
enum Stage : std::uint32_t { kTerminate, kKill, kLookAgain };

constexpr ipc::Duration kKillAfter = std::chrono::seconds(2);
/// How soon an emptied process group is noticed: the kernel wakes nobody for that.
constexpr ipc::Duration kLookInterval = std::chrono::milliseconds(20);

/// Signals that a terminal or a manager of jobs means for the whole job.
bool concerns_group(int signal) {
  switch (signal) {
    case SIGHUP:
    case SIGINT:
    case SIGQUIT:
    case SIGTERM:
    case SIGCONT:
    case SIGWINCH: return true;
    default: return false;
  }
}

bool ignores_continuing() {
  struct sigaction action {};
  ::sigaction(SIGCONT, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

Keeper::Keeper(const Config& config, Command& command, int descriptor)
    : config_(config),
      command_(command),
      descriptor_(descriptor),
      signals_({SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT,
                SIGTSTP, SIGTTIN, SIGTTOU}),
      guard_(1, descriptor),
      terminal_(ipc::Terminal::open()) {
  sigemptyset(&received_);
  eager_ = terminal_ && terminal_->is_at(STDIN_FILENO) && terminal_->is_at(STDOUT_FILENO);
  static_cast<void>(loop_.watch(signals_.fd(), ipc::EventLoop::Interest::read, {kSignals}));
}

int Keeper::run() {
  if (!start()) return status_;
  watch();
  // From here on a signal comes too late to change the status.
  signals_.stay_blocked();
  process_.await();
  const bool had_terminal = terminal_ && terminal_->is_lent();
  if (terminal_) terminal_->take_back();
  // Before it is reaped: its number can be somebody else's afterwards.
  guard_.slot(0).store(0);
  guard_.let_go();
  return status_of(process_.reap()->ending, had_terminal);
}

bool Keeper::start() {
  ipc::SpawnPlan plan;
  plan.path = command_.path();
  plan.argv = command_.argv();
  plan.envp = command_.envp();
  plan.lent = config_.close ? -1 : descriptor_;
  plan.pass_others = true;
  plan.mask = &signals_.inherited_mask();
  plan.ignore_child_signal = signals_.child_signal_was_ignored();
  plan.announcement = &guard_.slot(0);
  auto spawned = ipc::spawn(plan);
  if (spawned.failed == ipc::Spawned::Step::exec && command_.turn_to_shell(spawned.errnum)) {
    plan.path = command_.path();
    plan.argv = command_.argv();
    spawned = ipc::spawn(plan);
  }
  if (!spawned.process) guard_.slot(0).store(0);
  if (spawned.failed == ipc::Spawned::Step::exec) {
    status_ = command_.complain(spawned.errnum);
    return false;
  }
  if (!spawned.process) {
    command_.say("cannot start: " + ipc::reason(spawned.errnum));
    status_ = ipc::kExitToolFailed;
    return false;
  }
  process_ = std::move(spawned.process);
  if (eager_ && terminal_->is_ours()) terminal_->give(process_.pid());
  static_cast<void>(loop_.watch(process_.pidfd(), ipc::EventLoop::Interest::read, {kChild}));
  if (config_.timeout) loop_.arm(ipc::Deadline::after(*config_.timeout), {kTimer, 0, kTerminate});
  return true;
}

void Keeper::watch() {
  while (!is_over()) {
    for (const ipc::Event& event : loop_.wait()) {
      switch (event.token.kind) {
        case kSignals: take_signals(); break;
        case kChild:
          ended_ = true;
          loop_.unwatch(process_.pidfd());
          break;
        case kTimer: timer(event.token.index); break;
        default: break;
      }
    }
  }
}

/// COMMAND that was out of time has ended when its whole group has.
bool Keeper::is_over() {
  if (!ended_) return false;
  return !timed_out_ || killed_ || !process_.has_family();
}

void Keeper::take_signals() {
  while (const auto signal = signals_.next()) handle(*signal);
}

void Keeper::handle(int signal) {
  if (signal == SIGCHLD) return check_stopped();
  sigaddset(&received_, signal);
  if (ended_) return;
  if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
    process_.signal_group(signal);
    static_cast<void>(stop_as_well(signal));
  } else if (concerns_group(signal)) {
    process_.signal_group(signal);
  } else {
    ::kill(process_.pid(), signal);
  }
}

void Keeper::check_stopped() {
  siginfo_t info{};
  const int options = WSTOPPED | WNOHANG;
  if (::waitid(P_PID, static_cast<id_t>(process_.pid()), &info, options) != 0 || info.si_pid == 0) return;
  stopped(info.si_status);
}

/// COMMAND has been stopped; what the terminal did to it is done to plock's own group too.
void Keeper::stopped(int signal) {
  if (!terminal_) return;
  if (signal == SIGSTOP) {
    // Of a COMMAND that nobody would otherwise get away from.
    if (!terminal_->is_lent() && !terminal_->is_ours()) return;
    signal = SIGTSTP;
  }
  const bool wants_it = signal == SIGTTIN || signal == SIGTTOU;
  if (wants_it && (terminal_->is_ours() || terminal_->is_with(process_.pid()))) {
    terminal_->give(process_.pid());
    process_.signal_group(SIGCONT);
  } else if (wants_it || terminal_->is_lent() || terminal_->is_ours()) {
    owed_ = wants_it || terminal_->is_lent();
    terminal_->take_back();
    ::kill(0, signal);
    if (stop_as_well(signal) || !wants_it || terminal_->is_ours()) return;
    // No shell is left to bring it to the foreground: what the kernel does for such groups is done for COMMAND's.
    command_.say("wants the terminal, and will not get it");
    process_.signal_group(SIGHUP);
    process_.signal_group(SIGCONT);
  }
}

/// Until somebody continues plock, which then continues COMMAND. False when the kernel has dropped the signal, as it
/// does in a group that no shell could continue.
bool Keeper::stop_as_well(int signal) {
  const ipc::Deadline before = ipc::Deadline::now();
  ipc::suffer_signal(signal);
  loop_.forget_time(ipc::Deadline::now() - before);
  if (terminal_ && (eager_ || owed_) && terminal_->is_ours()) terminal_->give(process_.pid());
  owed_ = false;
  sigset_t pending;
  ::sigpending(&pending);
  process_.signal_group(SIGCONT);
  return sigismember(&pending, SIGCONT) == 1 || ignores_continuing();
}

void Keeper::timer(std::uint32_t stage) {
  switch (stage) {
    case kTerminate:
      // It may have ended while nobody looked: plock was stopped, or the machine.
      if (ended_) return;
      timed_out_ = true;
      // What its end orphans is ours to reap from here on, so that the group can empty.
      ipc::adopt_orphans(true);
      process_.signal_group(SIGTERM);
      process_.signal_group(SIGCONT);
      loop_.arm(ipc::Deadline::after(kKillAfter), {kTimer, 0, kKill});
      break;
    case kKill:
      // Of a group that has emptied, the number is nobody's.
      if (ended_ && !process_.has_family()) return;
      killed_ = true;
      process_.signal_group(SIGKILL);
      break;
    default: break;
  }
  // Only when COMMAND has ended is there a group to look at.
  if (timed_out_ && !killed_) loop_.arm(ipc::Deadline::after(kLookInterval), {kTimer, 0, kLookAgain});
}

int Keeper::status_of(ipc::Ending ending, bool had_terminal) {
  if (timed_out_) return ipc::kExitTimeout;
  if (ending.signal != SIGINT && ending.signal != SIGQUIT) return ending.status();
  // With the terminal, only COMMAND's group has got it.
  if (had_terminal) ::kill(0, ending.signal);
  if (had_terminal || sigismember(&received_, ending.signal) == 1) death_ = ending.signal;
  return ending.status();
}

void Keeper::pass_on_death() {
  if (death_ == 0) return;
  guard_.dismiss();
  ipc::die_of_signal(death_);
}
