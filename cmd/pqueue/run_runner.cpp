/// The runner's loop: what is waited for, and where each event goes.

#include "run_runner.hpp"

#include <unistd.h>

#include <exception>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/unnamed_file.hpp"

namespace {

/// Of captured output, in all; the rest goes to an unnamed file.
constexpr std::size_t kMemory = std::size_t{4} << 20;
/// Groups of COMMANDs that are over in which something lives on.
constexpr std::size_t kMostLeftovers = 4096;

}  // namespace

Runner::Runner(const Config& config, Launcher& launcher, queue::FileQueue& queue)
    : config_(config),
      launcher_(launcher),
      queue_(queue),
      store_(kMemory, ipc::temporary_directory()),
      signals_({SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGCHLD, SIGTSTP, SIGCONT}),
      guard_(config.jobs + kMostLeftovers, queue.holding_descriptor()),
      out_(STDOUT_FILENO, "stdout", store_),
      err_(STDERR_FILENO, "stderr", store_),
      output_watch_(loop_, out_, &err_, token(RunEvent::out), token(RunEvent::err)),
      gate_(loop_, token(RunEvent::start_again)),
      leftovers_(guard_, config.jobs, kMostLeftovers, loop_, token(RunEvent::leftovers)),
      intake_(config, queue, loop_, token(RunEvent::wake), token(RunEvent::too_late)),
      settlement_(config, queue),
      scratch_(std::make_unique_for_overwrite<char[]>(kReadSize)),
      most_(config.jobs) {
  fit_descriptors();
  (void)loop_.watch(signals_.fd(), ipc::EventLoop::Interest::read, token(RunEvent::signals));
}

int Runner::run() {
  try {
    try {
      loop();
    } catch (const std::exception& error) {
      give_up(error.what());
      loop();
    }
  } catch (const std::exception&) {
    return ipc::kExitUsage;  // not even that could be told
  }
  if (signal_ != 0 || status_) leftovers_.signal(SIGKILL);
  if (signal_ != 0) {
    guard_.dismiss();
    ipc::die_of_signal(signal_);
  }
  return verdict();
}

void Runner::loop() {
  bool told = false;
  for (;;) {
    const bool more_to_take = take_messages();
    check_outputs();
    if (finished()) {
      if (std::exchange(told, true)) return;
      if (intake_.was_removed()) say("removed");
      if (const auto summary = settlement_.summary()) say(*summary);
      continue;
    }
    for (const ipc::Event& event : loop_.wait(!more_to_take)) handle(event);
  }
}

bool Runner::finished() const {
  if (busy_ > 0) return false;
  if (impatient_ || reader_gone_) return true;
  if (out_.blocked() || err_.blocked()) return false;
  if (phase_ == Phase::ending && !leftovers_.empty()) return false;
  return phase_ != Phase::running || intake_.ended();
}

void Runner::handle(const ipc::Event& event) {
  switch (static_cast<RunEvent>(event.token.kind)) {
    case RunEvent::signals: take_signals(); break;
    case RunEvent::wake: intake_.look_again(); break;
    case RunEvent::out:
    case RunEvent::err: output_event(event); break;
    case RunEvent::too_late: intake_.too_late(); break;
    case RunEvent::start_again: break;  // the loop asks the gate anyway
    case RunEvent::leftovers: leftovers_.look(); break;
    case RunEvent::all_end: kill_all(); break;
    default: {
      Slot* slot = event.token.index < slots_.size() ? &slots_[event.token.index] : nullptr;
      const bool stale = slot == nullptr || (slot->generation & 0xffffffU) != event.token.generation;
      if (!stale && slot->process) handle_slot(event, *slot);
    }
  }
}

void Runner::handle_slot(const ipc::Event& event, Slot& slot) {
  switch (static_cast<RunEvent>(event.token.kind)) {
    case RunEvent::stream_out: read_stream(slot, 0, event); break;
    case RunEvent::stream_err: read_stream(slot, 1, event); break;
    case RunEvent::exit: exited(slot); break;
    case RunEvent::limit:
      if (!slot.exited) interfere(slot, Interference::late, "ran out of time (--limit)");
      break;
    case RunEvent::kill: kill(slot); break;
    case RunEvent::grace: grace_over(slot); break;
    default: break;
  }
}

void Runner::output_event(const ipc::Event& event) {
  if (static_cast<RunEvent>(event.token.kind) == RunEvent::out && event.hung_up) return reader_gone();
  out_.flush();
  err_.flush();
  resume_streams();
  for (Slot& slot : slots_) {
    if (slot.printing) end_printing(slot);
  }
}

/// After anything may have been written: notices readers that are gone, and what must be waited for.
void Runner::check_outputs() {
  for (ipc::Output* output : {&out_, &err_}) {
    if (output->condition() == ipc::Output::Condition::reader_gone && !reader_gone_) reader_gone();
    if (!output->has_news_of_failure()) continue;
    say(std::string(output->name()) + ": " + ipc::reason(output->errnum()));
    end_with(ipc::kExitUsage);
  }
  output_watch_.update();
}

void Runner::say(const std::string& text) {
  err_.write(ipc::diagnostic("pqueue", config_.name + ": " + text));
}

int Runner::verdict() const {
  if (status_) return *status_;
  return settlement_.some_failed() ? ipc::kExitNo : intake_.status();
}
