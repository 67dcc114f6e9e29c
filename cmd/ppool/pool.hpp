#pragma once
/// The pool: takes records while workers are free, starts jobs, and turns what happens to them into output, retries,
/// log lines and an exit status.
///
/// Everything arrives as events of one loop. The job's process is reaped only when its output has ended too, so that
/// its process group can be signalled until then without a doubt about whose it is.

#include <memory>
#include <optional>

#include "complaints.hpp"
#include "config.hpp"
#include "ending.hpp"
#include "event_kind.hpp"
#include "input_watch.hpp"
#include "intake.hpp"
#include "ipc/event_loop.hpp"
#include "ipc/guard.hpp"
#include "ipc/leftovers.hpp"
#include "ipc/output_watch.hpp"
#include "ipc/signals.hpp"
#include "ipc/spool.hpp"
#include "ipc/start_gate.hpp"
#include "ipc/terminal.hpp"
#include "joblog.hpp"
#include "launcher.hpp"
#include "printer.hpp"
#include "results.hpp"
#include "retry_queue.hpp"
#include "slot_table.hpp"
#include "tally.hpp"

class Pool {
 public:
  /// Borrows all; `queue` (which is `source` then) and `log` may be null. Blocks signals and starts the guard. Throws ipc::Error.
  Pool(const Config& config, Launcher& launcher, Source& source, QueueSource* queue, JobLog* log,
       ResumeIndex logged);

  /// Runs everything and returns the exit status, or dies of the signal that ended it.
  [[nodiscard]] int run();

 private:
  using Kind = EventKind;
  // pool.cpp: the loop, and where each event goes
  void loop();
  [[nodiscard]] bool finished() const;
  void handle(const ipc::Event& event);
  void handle_slot(const ipc::Event& event, Slot& slot);
  void output_event(const ipc::Event& event);
  void check_outputs();
  void written(const Job& job);
  void log(const Job& job);
  void show_progress(bool at_end);

  // pool_start.cpp: records become jobs, jobs become processes
  void fit_descriptors();
  [[nodiscard]] bool start_jobs();
  void give_up_retries();
  [[nodiscard]] bool may_start();
  [[nodiscard]] unsigned limit() const noexcept { return std::min(workers_, most_); }
  [[nodiscard]] std::unique_ptr<Job> next_job();
  [[nodiscard]] std::unique_ptr<Job> new_job();
  void start(std::unique_ptr<Job> owned);
  void make_texts(Job& job);
  [[nodiscard]] bool is_merged(const Job& job) const noexcept;
  [[nodiscard]] ipc::Spawned spawn(Slot& slot);
  void watch_job(Slot& slot);
  void not_started(Slot& slot, const ipc::Spawned& spawned);
  void hold_back(Slot& slot, int errnum);
  void cannot_run(Slot& slot, int errnum);

  // pool_watch.cpp: what running jobs do
  void read_stream(Slot& slot, std::size_t stream, const ipc::Event& event);
  void deliver(Slot& slot, std::size_t stream, std::string_view bytes);
  void take_answer(Job& job, std::string_view bytes);
  void end_stream(Slot& slot, std::size_t stream);
  void resume_streams();
  void exited(Slot& slot);
  void time_out(Slot& slot);
  void await_family(Slot& slot);
  void grace_over(Slot& slot);
  void give_up_output(Slot& slot);
  void drain(Slot& slot, std::size_t stream);
  void end_softly(Slot& slot);
  void kill_job(Slot& slot);
  void end_job(Slot& slot);
  void record_result(Slot& slot);
  void conclude(std::unique_ptr<Job> job);
  void forget(std::unique_ptr<Job> job);
  [[nodiscard]] bool will_retry(const Job& job) const;
  void check_stopped();
  void reap_orphans();
  void stopped(Slot& slot, int signal);

  // pool_end.cpp: signals, and how it ends
  void take_signal(int signal);
  void take_worker();
  void reader_gone();
  void end_all(int signal, ipc::Duration patience);
  void fail();
  void end_by(int signal);
  void kill_all();
  void signal_jobs(int signal);
  void suspend();
  void check_halt(bool at_end);
  void give_up(const char* reason);
  void report();
  [[nodiscard]] int verdict() const;

  const Config& config_;
  Launcher& launcher_;
  QueueSource* queue_;
  JobLog* log_;
  ipc::SpoolStore store_;
  Intake intake_;
  ipc::SignalQueue signals_;
  ipc::Guard guard_;
  ipc::EventLoop loop_;
  InputWatch input_watch_;
  std::optional<Results> results_;
  std::optional<ipc::Terminal> terminal_;
  Printer printer_;
  ipc::OutputWatch output_watch_;
  RetryQueue retries_;
  ipc::StartGate gate_;
  ipc::Leftovers leftovers_;
  SlotTable slots_;
  Tally tally_;
  Complaints complaints_;
  std::unique_ptr<char[]> scratch_;  ///< what is read from jobs passes through here
  ipc::Deadline began_;
  Ending ending_;
  ipc::EventLoop::Timer end_timer_;

  unsigned workers_;                    ///< asked for
  unsigned most_ = WorkerCount::kMost;  ///< that the descriptors allow
  unsigned running_ = 0;
  bool input_busy_ = false;
  unsigned paused_ = 0;  ///< streams that wait for ppool's own reader
};
