/// The pool's loop: what is waited for, and where each event goes.

#include "pool.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "ipc/error.hpp"
#include "progress.hpp"

namespace {

unsigned terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Pool::Pool(const Config& config, Launcher& launcher, Source& source, QueueSource* queue, JobLog* log,
           ResumeIndex logged)
    : config_(config),
      launcher_(launcher),
      queue_(queue),
      log_(log),
      store_(config.buffer, config.tmpdir),
      intake_(config, source, launcher, store_, std::move(logged)),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGCHLD, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT}),
      guard_(std::size_t{2} * WorkerCount::kMost, queue != nullptr ? queue->holding_descriptor() : -1),
      input_watch_(loop_, queue, token(Kind::input)),
      printer_(config, store_, [this](const Job& job) { written(job); }),
      output_watch_(loop_, printer_.out(), printer_.merged() ? nullptr : &printer_.err(), token(Kind::out),
                    token(Kind::err)),
      retries_(loop_, static_cast<std::uint8_t>(Kind::retry)),
      gate_(loop_, token(Kind::start_again)),
      leftovers_(guard_, WorkerCount::kMost, WorkerCount::kMost, loop_, token(Kind::leftovers)),
      scratch_(std::make_unique_for_overwrite<char[]>(kReadSize)),
      began_(ipc::Deadline::now()),
      workers_(config.workers.resolve()) {
  if (!config.results.empty()) results_.emplace(config.results);
  if (config.tty) {
    auto terminal = ipc::Terminal::open();
    if (!terminal) throw ipc::UsageError("--tty: there is no terminal");
    terminal_.emplace(std::move(*terminal));
    launcher_.use_terminal(*terminal_);
  }
  fit_descriptors();
  (void)loop_.watch(signals_.fd(), ipc::EventLoop::Interest::read, token(Kind::signals));
}

int Pool::run() {
  try {
    try {
      loop();
    } catch (const std::exception& error) {
      give_up(error.what());
      loop();
    }
  } catch (const std::exception&) {
    return ipc::kExitToolFailed;  // not even that could be told
  }
  if (queue_ != nullptr) queue_->release();
  if (ending_.signal != 0 || ending_.status == ipc::kExitToolFailed) leftovers_.signal(SIGKILL);
  if (ending_.signal != 0) {
    terminal_.reset();
    guard_.dismiss();
    ipc::die_of_signal(ending_.signal);
  }
  return verdict();
}

void Pool::loop() {
  if (config_.progress) show_progress(false);
  for (;;) {
    const bool more_to_start = start_jobs();
    if (ending_.phase != Phase::running) give_up_retries();
    check_outputs();
    if (finished()) {
      if (std::exchange(ending_.reported, true)) return;
      report();
      continue;
    }
    for (const ipc::Event& event : loop_.wait(!more_to_start)) handle(event);
  }
}

bool Pool::finished() const {
  if (running_ > 0) return false;
  if (ending_.impatient || ending_.reader_gone) return true;
  if (printer_.blocked() || ending_.waits_for_leftovers(leftovers_.empty())) return false;
  return ending_.phase != Phase::running || (intake_.ended() && retries_.empty());
}

void Pool::handle(const ipc::Event& event) {
  switch (static_cast<Kind>(event.token.kind)) {
    case Kind::input: input_watch_.ask_again(); break;
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
  if (static_cast<Kind>(event.token.kind) == Kind::out && event.hung_up) return reader_gone();
  printer_.flush();
  resume_streams();
}

/// After anything may have been written: notices readers that are gone, and what must be waited for.
void Pool::check_outputs() {
  for (ipc::Output* output : {&printer_.out(), &printer_.err()}) {
    if (output->condition() == ipc::Output::Condition::reader_gone && !ending_.reader_gone) reader_gone();
    if (!output->has_news_of_failure()) continue;
    printer_.say(std::string(output->name()) + ": " + ipc::reason(output->errnum()));
    fail();
  }
  output_watch_.update();
}

void Pool::written(const Job& job) {
  // Settled last: whoever is killed in between runs it again.
  log(job);
  if (queue_ == nullptr) return;
  queue_->written(job);
  input_watch_.queue_has_changed();
}

void Pool::log(const Job& job) {
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
