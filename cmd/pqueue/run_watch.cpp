/// What running COMMANDs do: they write, end, run out of time, and leave things behind.

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ipc/diagnostics.hpp"
#include "ipc/io.hpp"
#include "run_runner.hpp"

namespace {

/// How long a COMMAND that has exited may leave its output open.
constexpr ipc::Duration kGrace = std::chrono::seconds(1);
constexpr ipc::Duration kGraceAfterKill = std::chrono::milliseconds(100);
constexpr ipc::Duration kLookAgain = std::chrono::milliseconds(10);

/// A try that pqueue has ended has failed, however well COMMAND took it.
int status_of(Interference interference, ipc::Ending ending) {
  switch (interference) {
    case Interference::late: return ipc::kExitTimeout;
    case Interference::too_large: return ipc::kExitToolFailed;
    case Interference::stopped: return ending.success() ? ipc::kExitToolFailed : ending.status();
    default: return ending.status();
  }
}

}  // namespace

void Runner::read_stream(Slot& slot, std::size_t stream, const ipc::Event& event) {
  Slot::Stream& from = slot.streams[stream];
  if (!from.pipe || from.paused) return;
  if (!event.readable) return end_stream(slot, stream);
  if (stream == 1 && err_.congested()) {
    loop_.unwatch(from.pipe.get());
    from.paused = true;
    return;
  }
  const ssize_t n = ipc::read_some(from.pipe.get(), {scratch_.get(), kReadSize});
  if (n > 0) deliver(slot, stream, {scratch_.get(), static_cast<std::size_t>(n)});
  // With no writer left, a read that was not filled has emptied the pipe.
  const bool emptied = n < static_cast<ssize_t>(kReadSize);
  if (n <= 0 || (event.hung_up && emptied)) end_stream(slot, stream);
}

void Runner::deliver(Slot& slot, std::size_t stream, std::string_view bytes) {
  if (stream == 1) {
    err_.write(bytes);
    slot.errors.append(bytes);
  } else if (slot.use == OutputUse::answer) {
    take_answer(slot, bytes);
  } else {
    slot.output.append(bytes);
  }
}

void Runner::take_answer(Slot& slot, std::string_view bytes) {
  const std::uint64_t most = config_.max_message.value_or(queue_.max_message());
  if (slot.interference == Interference::too_large) return;
  if (bytes.size() <= most - slot.answer.size()) {
    slot.answer.append(bytes);
    return;
  }
  // A part of an answer is none.
  slot.answer = {};
  if (!slot.is_being_ended()) {
    interfere(slot, Interference::too_large, "its answer is larger than " + std::to_string(most) + " bytes");
  }
}

void Runner::end_stream(Slot& slot, std::size_t stream) {
  slot.streams[stream].pipe.reset();
  if (!slot.exited || !slot.output_ended()) return;
  if (slot.is_being_ended()) return await_family(slot);
  end_try(slot);
}

void Runner::resume_streams() {
  if (err_.congested()) return;
  for (Slot& slot : slots_) {
    Slot::Stream& stream = slot.streams[1];
    if (!stream.pipe || !std::exchange(stream.paused, false)) continue;
    (void)loop_.watch(stream.pipe.get(), ipc::EventLoop::Interest::read, stream_token(1, slot));
  }
}

/// The process is over. Its output may not be: what it started can hold the pipes.
void Runner::exited(Slot& slot) {
  // What hit pqueue and COMMAND together is the reason of both ends.
  take_signals();
  notice_reader();
  slot.exited = true;
  loop_.cancel(slot.limit);
  loop_.unwatch(slot.process.pidfd());
  if (slot.is_being_ended()) return await_family(slot);
  if (slot.output_ended()) return end_try(slot);
  slot.grace = loop_.arm(ipc::Deadline::after(kGrace), token(RunEvent::grace, slot));
}

/// Whom pqueue ends does not leave its family behind; but the family has had the same signal, and has until the KILL to
/// act on it.
void Runner::await_family(Slot& slot) {
  loop_.cancel(slot.grace);
  slot.alone = !slot.process.has_family();
  // Nothing holds the number of an empty group any more: nobody may signal it.
  if (slot.alone) guard_.slot(slot.number).store(0);
  if (slot.alone && slot.output_ended()) return end_try(slot);
  // Only a process that left the group can hold the output of one that is empty.
  const ipc::Duration grace = slot.killed ? kGraceAfterKill : slot.alone ? kGrace : kLookAgain;
  slot.grace = loop_.arm(ipc::Deadline::after(grace), token(RunEvent::grace, slot));
}

void Runner::grace_over(Slot& slot) {
  slot.grace = {};
  if (slot.is_being_ended() && !slot.killed && !slot.alone) return await_family(slot);
  give_up_output(slot);
}

void Runner::give_up_output(Slot& slot) {
  const bool paused = slot.streams[1].paused;
  if (paused && phase_ == Phase::running) {
    // The reader of pqueue is behind, not COMMAND.
    slot.grace = loop_.arm(ipc::Deadline::after(kGrace), token(RunEvent::grace, slot));
    return;
  }
  for (std::size_t i = 0; i < slot.streams.size(); ++i) {
    drain(slot, i);
    slot.streams[i].pipe.reset();
    slot.streams[i].paused = false;
  }
  if (!slot.is_being_ended() && !paused) {
    say("message " + std::to_string(slot.id) +
        ": the output is still held open by a process that COMMAND left; the rest is dropped");
  }
  end_try(slot);
}

/// Takes what is in the pipe by now, and no more.
void Runner::drain(Slot& slot, std::size_t stream) {
  int left = 0;
  if (!slot.streams[stream].pipe || ::ioctl(slot.streams[stream].pipe.get(), FIONREAD, &left) != 0) return;
  while (left > 0) {
    const std::size_t part = std::min<std::size_t>(kReadSize, static_cast<std::size_t>(left));
    const ssize_t n = ipc::read_some(slot.streams[stream].pipe.get(), {scratch_.get(), part});
    if (n <= 0) return;
    deliver(slot, stream, {scratch_.get(), static_cast<std::size_t>(n)});
    left -= static_cast<int>(n);
  }
}

/// The try has failed: its group ends, by itself if it will. A stopped one must wake up for that.
void Runner::interfere(Slot& slot, Interference why, const std::string& text) {
  if (slot.is_being_ended()) return;
  slot.interference = why;
  say("message " + std::to_string(slot.id) + ": " + text);
  slot.errors.append(ipc::diagnostic("pqueue", text));
  ipc::adopt_orphans(true);
  slot.process.signal_group(SIGTERM);
  slot.process.signal_group(SIGCONT);
  slot.kill = loop_.arm(ipc::Deadline::after(config_.kill_after), token(RunEvent::kill, slot));
}

void Runner::kill(Slot& slot) {
  slot.killed = true;
  if (!slot.alone) slot.process.signal_group(SIGKILL);
  if (slot.exited) await_family(slot);
}

void Runner::end_try(Slot& slot) {
  slot.process.await();
  // What stays of the group goes over to the leftovers before the guard's slot is cleared.
  if (slot.process.has_family() && !slot.is_being_ended()) leftovers_.add(slot.process.pid());
  guard_.slot(slot.number).store(0);
  slot.status = status_of(slot.interference, slot.process.reap()->ending);
  const auto being_ended = [](const Slot& other) { return other.process && other.is_being_ended(); };
  if (slot.is_being_ended() && std::ranges::none_of(slots_, being_ended)) ipc::adopt_orphans(false);
  loop_.cancel(slot.kill);
  loop_.cancel(slot.grace);
  if (slot.use != OutputUse::printed) return conclude(slot, true);
  out_.write(std::move(slot.output));
  slot.printed_at = out_.accepted();
  slot.printing = true;
  end_printing(slot);
}

/// A message is not settled before what came of it has been written.
void Runner::end_printing(Slot& slot) {
  const bool written = out_.written() >= slot.printed_at;
  const bool may_wait = out_.condition() == ipc::Output::Condition::fine && phase_ != Phase::killing;
  if (written || !may_wait) conclude(slot, written);
}

void Runner::conclude(Slot& slot, bool delivered) {
  if (settlement_.conclude(slot, delivered)) intake_.came_back();
  release(slot);
}
