/// The pool's loop: what is waited for, and where each event goes.

#include "pool.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <exception>

#include "ipc/error.hpp"
#include "progress.hpp"

namespace {

constexpr std::size_t kReadSize = 64 * 1024;

unsigned terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Pool::Pool(const Config& config, Launcher& launcher, Source& source, JobLog* log, ResumeIndex logged)
    : config_(config),
      launcher_(launcher),
      log_(log),
      store_(config.buffer, config.tmpdir),
      intake_(config, source, launcher, store_, std::move(logged)),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT}),
      guard_(std::size_t{2} * WorkerCount::kMost),
      printer_(config, store_, [this](const Job& job) { log_written(job); }),
      retries_(loop_, static_cast<std::uint8_t>(Kind::retry)),
      gate_(loop_, token(Kind::start_again)),
      leftovers_(guard_, WorkerCount::kMost, WorkerCount::kMost, loop_, token(Kind::leftovers)),
      scratch_(std::make_unique_for_overwrite<char[]>(kReadSize)),
      began_(ipc::Deadline::now()),
      workers_(config.workers.resolve()) {
  if (!config.results.empty()) results_.emplace(config.results);
  if (config.tty) {
    terminal_.emplace();
    launcher_.use_terminal(*terminal_);
  }
  fit_descriptors();
  (void)loop_.watch(signals_.fd(), ipc::EventLoop::Interest::read, token(Kind::signals));
  // A reader that goes away must be noticed even while nothing is printed.
  (void)loop_.watch(printer_.out().descriptor(), ipc::EventLoop::Interest::hang_up, token(Kind::out));
}

int Pool::run() {
  try {
    loop();
  } catch (const std::exception& error) {
    slots_.clear();  // kills what runs
    leftovers_.signal(SIGKILL);
    printer_.say(error.what());
    return ipc::kExitToolFailed;
  }
  if (config_.progress) show_progress(true);
  const int status = verdict();
  if (ending_.signal != 0 || ending_.status == ipc::kExitToolFailed) leftovers_.signal(SIGKILL);
  if (ending_.signal != 0) {
    slots_.clear();
    terminal_.reset();
    guard_.dismiss();
    ipc::die_of_signal(ending_.signal);
  }
  return status;
}

void Pool::loop() {
  if (config_.progress) show_progress(false);
  for (;;) {
    const bool more_to_start = start_jobs();
    if (ending_.phase != Phase::running) give_up_retries();
    check_outputs();
    if (finished()) return;
    for (const ipc::Event& event : loop_.wait(!more_to_start)) handle(event);
  }
}

bool Pool::finished() const {
  if (running_ > 0) return false;
  if (ending_.impatient || ending_.reader_gone) return true;
  if (printer_.blocked()) return false;
  return ending_.phase != Phase::running || (intake_.ended() && retries_.empty());
}

void Pool::handle(const ipc::Event& event) {
  switch (static_cast<Kind>(event.token.kind)) {
    case Kind::input:
      loop_.unwatch(*watched_input_);
      watched_input_.reset();
      break;
    case Kind::signals:
      // One an event: if there are more, the loop says so again.
      if (const auto signal = signals_.next()) take_signal(*signal);
      break;
    case Kind::out:
    case Kind::err: output_event(event); break;
    case Kind::retry: retries_.due(event.token); break;
    case Kind::start_again: break;  // the loop asks the gate anyway
    case Kind::progress: show_progress(false); break;
    case Kind::leftovers: leftovers_.look(); break;
    case Kind::all_must_end: kill_all(); break;
    default:
      if (Slot* slot = slots_.find(event.token)) handle_slot(event, *slot);
  }
}

void Pool::handle_slot(const ipc::Event& event, Slot& slot) {
  switch (static_cast<Kind>(event.token.kind)) {
    case Kind::stream_out: read_stream(slot, 0, event); break;
    case Kind::stream_err: read_stream(slot, 1, event); break;
    case Kind::exit: exited(slot); break;
    case Kind::limit: time_out(slot); break;
    case Kind::kill: kill_job(slot); break;
    case Kind::grace: grace_over(slot); break;
    default: break;
  }
}

void Pool::output_event(const ipc::Event& event) {
  const bool to_out = static_cast<Kind>(event.token.kind) == Kind::out;
  if (to_out && event.hung_up) {
    loop_.unwatch(printer_.out().descriptor());
    reader_gone();
    return;
  }
  printer_.flush();
  resume_streams();
}

/// After anything may have been written: notices readers that are gone, and what must be waited for.
void Pool::check_outputs() {
  check_output(printer_.out());
  if (!printer_.merged()) check_output(printer_.err());
}

void Pool::check_output(Output& output) {
  if (ending_.reader_gone || ending_.status == ipc::kExitToolFailed) return;
  if (output.condition() == Output::Condition::reader_gone) return reader_gone();
  if (output.condition() == Output::Condition::failed) {
    printer_.say(std::string(output.name()) + ": " + ipc::reason(output.errnum()));
    fail();
    return;
  }
  const bool is_out = &output == &printer_.out();
  bool& watched = is_out ? out_watched_ : err_watched_;
  if (output.blocked() == watched) return;
  watched = output.blocked();
  using Interest = ipc::EventLoop::Interest;
  if (is_out) {
    loop_.change(output.descriptor(), watched ? Interest::write : Interest::hang_up, token(Kind::out));
  } else if (watched) {
    (void)loop_.watch(output.descriptor(), Interest::write, token(Kind::err));
  } else {
    loop_.unwatch(output.descriptor());
  }
}

void Pool::log_written(const Job& job) {
  if (log_ == nullptr || job.result.ended_by_pool) return;
  const int errnum = log_->append(job);
  if (errnum == 0) return;
  log_ = nullptr;
  printer_.say(config_.joblog + ": " + ipc::reason(errnum));
  ending_.status = ipc::kExitToolFailed;
  if (ending_.phase == Phase::running) ending_.phase = Phase::draining;
}

void Pool::show_progress(bool at_end) {
  ProgressCounts counts;
  counts.done = tally_.finished() + intake_.passed_over();
  counts.failed = tally_.failed;
  counts.running = running_;
  counts.known = intake_.known();
  counts.known_is_total = intake_.knows_total();
  const ipc::Duration elapsed = ipc::Deadline::now() - began_;
  const bool bar = printer_.err().is_terminal() && !config_.ungrouped;
  if (bar && !at_end) {
    printer_.show_bar(progress_bar(counts, elapsed, terminal_width()));
  } else if (at_end || elapsed >= std::chrono::seconds(1)) {
    printer_.say("progress: " + progress_text(counts, elapsed));
  }
  if (at_end) return;
  loop_.arm(
      ipc::Deadline::after(bar ? ipc::Duration(std::chrono::milliseconds(100)) : std::chrono::seconds(10)),
      token(Kind::progress));
}
