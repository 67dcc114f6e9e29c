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
      source_(source),
      log_(log),
      logged_(std::move(logged)),
      store_(config.buffer, config.tmpdir),
      batcher_(source, config, launcher.fixed_bytes()),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT}),
      guard_(WorkerCount::kMost),
      printer_(config, store_, [this](const Job& job) { log_written(job); }),
      workers_(config.workers.resolve()),
      began_(ipc::Deadline::now()),
      scratch_(std::make_unique_for_overwrite<char[]>(kReadSize)) {
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
    printer_.say(error.what());
    return ipc::kExitToolFailed;
  }
  if (config_.progress) show_progress(true);
  const int status = verdict();
  if (cause_.signal != 0) {
    slots_.clear();
    terminal_.reset();
    guard_.dismiss();
    ipc::die_of_signal(cause_.signal);
  }
  return status;
}

void Pool::loop() {
  if (config_.progress) show_progress(false);
  for (;;) {
    start_jobs();
    check_outputs();
    if (finished()) return;
    for (const ipc::Event& event : loop_.wait()) handle(event);
  }
}

bool Pool::finished() const {
  if (running_ > 0) return false;
  if (phase_ == Phase::killing || reader_gone_) return true;
  if (printer_.blocked()) return false;
  return phase_ != Phase::running || (input_ended_ && ready_.empty() && backing_off_.empty());
}

void Pool::handle(const ipc::Event& event) {
  const auto kind = static_cast<Kind>(event.token.kind);
  switch (kind) {
    case Kind::input:
      loop_.unwatch(watched_input_);
      input_watched_ = false;
      break;
    case Kind::signals: take_signals(); break;
    case Kind::out: output_event(event); break;
    case Kind::err: output_event(event); break;
    case Kind::retry: {
      auto node = backing_off_.extract(event.token.index);
      if (!node.empty()) ready_.push_back(std::move(node.mapped()));
      break;
    }
    case Kind::start_again: start_timer_ = {}; break;
    case Kind::progress: show_progress(false); break;
    case Kind::all_must_end: kill_all(); break;
    default:
      if (event.token.index < slots_.size()) {
        Slot& slot = slots_[event.token.index];
        // Nothing is meant for a job that ended while this batch of events was under way.
        if (slot.job && (slot.generation & 0xffffffU) == event.token.generation) handle_slot(event, slot);
      }
  }
}

void Pool::handle_slot(const ipc::Event& event, Slot& slot) {
  switch (static_cast<Kind>(event.token.kind)) {
    case Kind::stream_out: read_stream(slot, 0, event.hung_up); break;
    case Kind::stream_err: read_stream(slot, 1, event.hung_up); break;
    case Kind::exit: exited(slot); break;
    case Kind::limit: time_out(slot); break;
    case Kind::kill: slot.process.signal_group(SIGKILL); break;
    case Kind::grace: give_up_output(slot); break;
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

void Pool::reader_gone() {
  const int signal = printer_.out().is_terminal() ? SIGHUP : SIGPIPE;
  end_all(SIGTERM, {signal, std::nullopt}, std::chrono::milliseconds(100));
  reader_gone_ = true;
}

/// After anything may have been written: notices readers that are gone, and what must be waited for.
void Pool::check_outputs() {
  check_output(printer_.out());
  if (!printer_.merged()) check_output(printer_.err());
}

void Pool::check_output(Output& output) {
  if (reader_gone_ || cause_.status == ipc::kExitToolFailed) return;
  if (output.condition() == Output::Condition::reader_gone) return reader_gone();
  if (output.condition() == Output::Condition::failed) {
    printer_.say(std::string(output.name()) + ": " + ipc::reason(output.errnum()));
    end_all(SIGTERM, {0, ipc::kExitToolFailed}, config_.kill_after);
    return;
  }
  const bool is_out = &output == &printer_.out();
  bool& watched = is_out ? out_watched_for_writing_ : err_watched_for_writing_;
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
  cause_.status = ipc::kExitToolFailed;
  if (phase_ == Phase::running) phase_ = Phase::draining;
}

void Pool::show_progress(bool at_end) {
  ProgressCounts counts;
  const auto total = source_.total();
  counts.done = tally_.finished();
  counts.failed = tally_.failed;
  counts.running = running_;
  counts.known_is_total = input_ended_ || total.has_value();
  counts.known = total && !config_.max_records && !config_.fit ? *total : seq_;
  const ipc::Duration elapsed = ipc::Deadline::now() - began_;
  const bool bar = printer_.err().is_terminal() && !config_.ungrouped;
  if (bar && !at_end) {
    printer_.show_bar(progress_bar(counts, elapsed, terminal_width()));
  } else if (at_end || elapsed >= std::chrono::seconds(1)) {
    printer_.say("progress: " + progress_text(counts, elapsed));
  }
  if (at_end) return;
  loop_.arm(ipc::Deadline::after(bar ? ipc::Duration(std::chrono::milliseconds(100)) : std::chrono::seconds(10)),
            token(Kind::progress));
}
