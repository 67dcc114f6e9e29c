#pragma once
/// --hold command: plock stays while COMMAND runs, and is to it what a shell is to a job.
///
/// COMMAND leads a process group of its own, which the guard kills when plock is killed; the guard also keeps the lock
/// until COMMAND is gone, for one that has closed its descriptor. Signals that plock gets go on to it. The terminal: in
/// the foreground, with stdin and stdout on it, COMMAND's group gets it at once; else only when it wants it (SIGTTIN,
/// SIGTTOU), so that in `plock -o L make | less` the pager keeps it. What the terminal then does to COMMAND alone
/// (Ctrl-C, Ctrl-Z), plock does to its own group too, as if all had been one job.

#include <sys/types.h>

#include <csignal>
#include <optional>

#include "command.hpp"
#include "config.hpp"
#include "ipc/event_loop.hpp"
#include "ipc/guard.hpp"
#include "ipc/process.hpp"
#include "ipc/signals.hpp"
#include "ipc/terminal.hpp"

class Keeper {
 public:
  /// `descriptor` has the lock (-1: there is none); COMMAND gets it, unless config says otherwise.
  /// Throws ipc::Error when it cannot be set up.
  Keeper(const Config& config, Command& command, int descriptor);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Runs COMMAND to its end. Returns the status, failures told.
  [[nodiscard]] int run();

  /// To be called last, when the lock has been freed: ends plock itself by the signal that ended COMMAND, where the
  /// shell must see that (Ctrl-C in a script ends the script only then).
  void pass_on_death();

 private:
  [[nodiscard]] bool start();
  void watch();
  void take_signals();
  void handle(int signal);
  void check_stopped();
  void stopped(int signal);
  [[nodiscard]] bool stop_as_well(int signal);
  void timer(std::uint32_t stage);
  [[nodiscard]] bool is_over();
  [[nodiscard]] int status_of(ipc::Ending ending, bool had_terminal);

  const Config& config_;
  Command& command_;
  int descriptor_;
  ipc::SignalQueue signals_;
  ipc::Guard guard_;
  std::optional<ipc::Terminal> terminal_;
  bool eager_ = false;  ///< COMMAND has the terminal whenever plock could have it
  bool owed_ = false;   ///< COMMAND stopped for want of the terminal, or while it had it
  ipc::EventLoop loop_;
  ipc::Process process_;
  int status_ = 0;      ///< when COMMAND could not be started
  bool ended_ = false;  ///< COMMAND itself has
  bool timed_out_ = false;
  bool killed_ = false;  ///< its group, since it did not end by itself
  sigset_t received_{};
  int death_ = 0;  ///< the signal that plock is to die of
};
