#pragma once
/// The pool: takes records while workers are free, starts jobs, and turns what happens to them into output, retries,
/// log lines and an exit status.
///
///   phase      starts jobs  waits for                       entered by
///   running    yes          input, jobs, their output        -
///   draining   no           running jobs, their output       SIGUSR2 at 0, --halt soon, an unreadable input
///   ending     no           the same; KILL is due            a signal, --halt now, a reader that is gone, a failure
///   killing    no           the death of the jobs            a second signal, or KILL being due
///
/// Everything arrives as events of one loop. The job's process is reaped only when its output has ended too, so that
/// its process group can be signalled until then without a doubt about whose it is.
/// pool.cpp is the loop, pool_start.cpp what starts, pool_watch.cpp what running jobs do, pool_end.cpp how it ends.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch.hpp"
#include "config.hpp"
#include "ipc/event_loop.hpp"
#include "ipc/guard.hpp"
#include "ipc/signals.hpp"
#include "ipc/spool.hpp"
#include "joblog.hpp"
#include "launcher.hpp"
#include "printer.hpp"
#include "results.hpp"
#include "slot.hpp"
#include "tally.hpp"
#include "terminal.hpp"

class Pool {
 public:
  /// Borrows all; `log` may be null. Blocks signals and starts the guard. Throws ipc::Error.
  Pool(const Config& config, Launcher& launcher, Source& source, JobLog* log, ResumeIndex logged);

  /// Runs everything and returns the exit status, or dies of the signal that ended it.
  [[nodiscard]] int run();

 private:
  enum class Phase { running, draining, ending, killing };
  enum class Kind : std::uint8_t {
    input, signals, out, err,                        // descriptors of ppool
    stream_out, stream_err, exit,                    // descriptors of a slot
    limit, kill, grace,                              // timers of a slot
    retry, start_again, progress, all_must_end       // timers of ppool
  };
  /// What makes ppool end otherwise than by its jobs' results.
  struct Cause {
    int signal = 0;            ///< to die of
    std::optional<int> status; ///< to exit with
  };

  // pool.cpp
  void loop();
  [[nodiscard]] bool finished() const;
  void handle(const ipc::Event& event);
  void handle_slot(const ipc::Event& event, Slot& slot);
  void output_event(const ipc::Event& event);
  void reader_gone();
  void check_outputs();
  void check_output(Output& output);
  void log_written(const Job& job);
  void show_progress(bool at_end);
  [[nodiscard]] static ipc::Token token(Kind kind, std::uint32_t index = 0) {
    return {static_cast<std::uint8_t>(kind), 0, index};
  }
  [[nodiscard]] static ipc::Token token(Kind kind, const Slot& slot) {
    return {static_cast<std::uint8_t>(kind), slot.generation & 0xffffffU, slot.number - 1};
  }

  // pool_start.cpp
  void fit_descriptors();
  void start_jobs();
  [[nodiscard]] bool may_start();
  [[nodiscard]] unsigned limit() const noexcept { return std::min(workers_, most_); }
  [[nodiscard]] std::unique_ptr<Job> next_job();
  [[nodiscard]] std::unique_ptr<Job> new_job();
  [[nodiscard]] bool already_done(Job& job);
  void start(std::unique_ptr<Job> job);
  void make_texts(Job& job);
  [[nodiscard]] ipc::Spawned spawn(Slot& slot);
  void watch_job(Slot& slot);
  void not_started(Slot& slot, const ipc::Spawned& spawned);
  void hold_back(Slot& slot, int errnum);
  void cannot_run(Slot& slot, int errnum);
  void start_later(ipc::Deadline at);
  void add_worker();
  void take_worker();
  [[nodiscard]] Slot& free_slot();
  void release(Slot& slot);

  // pool_watch.cpp
  void read_stream(Slot& slot, int stream, bool hung_up);
  void deliver(Slot& slot, int stream, std::string_view bytes);
  void end_stream(Slot& slot, int stream);
  void resume_streams();
  void exited(Slot& slot);
  void time_out(Slot& slot);
  void give_up_output(Slot& slot);
  void drain(Slot& slot, int stream);
  void end_softly(Slot& slot, int signal);
  void end_job(Slot& slot);
  void record_result(Slot& slot);
  void conclude(std::unique_ptr<Job> job);
  [[nodiscard]] bool will_retry(const Job& job) const;
  void schedule_retry(std::unique_ptr<Job> job);
  void check_stopped();
  void stopped(Slot& slot, int signal);

  // pool_end.cpp
  void take_signals();
  void take_signal(int signal);
  void drain_pool();
  void end_all(int signal, Cause cause, ipc::Duration patience);
  void kill_all();
  void signal_jobs(int signal);
  void suspend();
  void check_halt(bool at_end);
  [[nodiscard]] int verdict();

  const Config& config_;
  Launcher& launcher_;
  Source& source_;
  JobLog* log_;
  ResumeIndex logged_;
  ipc::SpoolStore store_;
  Batcher batcher_;
  ipc::SignalQueue signals_;
  ipc::Guard guard_;
  ipc::EventLoop loop_;
  std::optional<Results> results_;
  std::optional<Terminal> terminal_;
  Printer printer_;

  Phase phase_ = Phase::running;
  Cause cause_;
  unsigned workers_;  ///< asked for
  unsigned most_ = WorkerCount::kMost;  ///< that the descriptors allow
  std::deque<Slot> slots_;
  std::vector<unsigned> free_;  ///< indices of free slots, a heap with the lowest first
  unsigned running_ = 0;
  std::deque<std::unique_ptr<Job>> ready_;  ///< to be started before new ones: due retries, jobs held back
  std::map<std::uint32_t, std::unique_ptr<Job>> backing_off_;
  std::uint32_t retry_serial_ = 0;
  std::uint64_t seq_ = 0;
  OccurrenceCounter occurrences_;
  bool input_ended_ = false;
  bool input_watched_ = false;
  int watched_input_ = -1;
  ipc::Deadline not_before_;  ///< no start before it (--delay, a fork that failed)
  ipc::EventLoop::Timer start_timer_;
  ipc::Duration fork_backoff_{0};
  bool told_fewer_ = false;
  bool told_nul_ = false;
  unsigned told_too_long_ = 0;
  bool out_watched_for_writing_ = false;
  bool err_watched_for_writing_ = false;
  std::uint64_t paused_ = 0;
  Tally tally_;
  bool reader_gone_ = false;
  bool halted_ = false;
  bool drained_ = false;
  ipc::EventLoop::Timer end_timer_;
  ipc::Deadline began_;
  std::unique_ptr<char[]> scratch_;
};
