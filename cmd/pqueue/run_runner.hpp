#pragma once
/// The runner: takes messages while COMMANDs may be started, starts one for each, and turns what happens to them into
/// output, settled messages and an exit status.
///
/// Everything arrives as events of one loop. A COMMAND is reaped only when its output has ended too, so that its process
/// group can be signalled until then without a doubt about whose it is; and its message is settled only when what it
/// printed has been written. Until then both are in a slot. Of messages that are in no slot the runner holds none.

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "config.hpp"
#include "ipc/event_loop.hpp"
#include "ipc/guard.hpp"
#include "ipc/leftovers.hpp"
#include "ipc/output.hpp"
#include "ipc/output_watch.hpp"
#include "ipc/signals.hpp"
#include "ipc/start_gate.hpp"
#include "queue/file_queue.hpp"
#include "run_event.hpp"
#include "run_intake.hpp"
#include "run_launcher.hpp"
#include "run_settlement.hpp"
#include "run_slot.hpp"

class Runner {
 public:
  /// Borrows all. Blocks signals and starts the guard. Throws ipc::Error.
  Runner(const Config& config, Launcher& launcher, queue::FileQueue& queue);

  /// Runs everything and returns the exit status, or dies of the signal that ended it.
  [[nodiscard]] int run();

 private:
  /// running: takes messages. ending: what runs has got a signal, KILL is due. killing: it was.
  enum class Phase { running, ending, killing };

  // run_runner.cpp: the loop, and where each event goes
  void loop();
  [[nodiscard]] bool finished() const;
  void handle(const ipc::Event& event);
  void handle_slot(const ipc::Event& event, Slot& slot);
  void output_event(const ipc::Event& event);
  void check_outputs();
  void say(const std::string& text);
  [[nodiscard]] int verdict() const;

  // run_start.cpp: messages become processes
  void fit_descriptors();
  [[nodiscard]] bool take_messages();
  [[nodiscard]] bool may_take();
  [[nodiscard]] Slot& free_slot();
  void release(Slot& slot);
  void start(const queue::FileQueue::Leased& leased);
  [[nodiscard]] ipc::Spawned spawn(Slot& slot, std::string_view message);
  void watch(Slot& slot);
  void not_started(Slot& slot, const ipc::Spawned& spawned);
  void hold_back(Slot& slot, int errnum);
  void cannot_run(Slot& slot, int errnum);

  // run_watch.cpp: what running COMMANDs do
  void read_stream(Slot& slot, std::size_t stream, const ipc::Event& event);
  void deliver(Slot& slot, std::size_t stream, std::string_view bytes);
  void take_answer(Slot& slot, std::string_view bytes);
  void end_stream(Slot& slot, std::size_t stream);
  void resume_streams();
  void exited(Slot& slot);
  void await_family(Slot& slot);
  void grace_over(Slot& slot);
  void give_up_output(Slot& slot);
  void drain(Slot& slot, std::size_t stream);
  void interfere(Slot& slot, Interference why, const std::string& text);
  void kill(Slot& slot);
  void end_try(Slot& slot);
  void end_printing(Slot& slot);
  void conclude(Slot& slot, bool delivered);

  // run_end.cpp: signals, and how it ends
  void take_signals();
  void take_signal(int signal);
  void check_stopped();
  void reap_orphans();
  void suspend();
  void notice_reader();
  void reader_gone();
  void end_by(int signal);
  void end_all(int signal, ipc::Duration patience);
  void kill_all();
  void signal_all(int signal);
  void give_up(const char* reason);
  void end_with(int status);

  const Config& config_;
  Launcher& launcher_;
  queue::FileQueue& queue_;
  ipc::SpoolStore store_;
  ipc::SignalQueue signals_;
  ipc::Guard guard_;
  ipc::EventLoop loop_;
  ipc::Output out_;
  ipc::Output err_;
  ipc::OutputWatch output_watch_;
  ipc::StartGate gate_;
  ipc::Leftovers leftovers_;
  Intake intake_;
  Settlement settlement_;
  std::deque<Slot> slots_;
  std::unique_ptr<char[]> scratch_;  ///< what is read from COMMANDs passes through here

  unsigned most_;      ///< that may run at a time
  unsigned busy_ = 0;  ///< slots that have a message
  bool told_fewer_ = false;
  unsigned told_unfit_ = 0;

  Phase phase_ = Phase::running;
  ipc::EventLoop::Timer end_timer_;
  int signal_ = 0;             ///< to die of
  std::optional<int> status_;  ///< to exit with, whatever became of the messages
  bool impatient_ = false;     ///< a second signal came: nothing is waited for but the COMMANDs' death
  bool reader_gone_ = false;
};
