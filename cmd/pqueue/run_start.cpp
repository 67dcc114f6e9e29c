/// What starts: messages become processes, as far as -j, descriptors and processes go.

#include <algorithm>
#include <cerrno>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/open_files.hpp"
#include "ipc/pipe.hpp"
#include "run_runner.hpp"
#include "run_stdin.hpp"

namespace {

constexpr unsigned kTurn = 64;
constexpr unsigned kMostTold = 10;

/// Gone as soon as something else ends.
bool is_passing(int errnum) {
  return errnum == EAGAIN || errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE;
}

OutputUse use_of_output(const Config& config, bool wants_answer) {
  if (wants_answer) return OutputUse::answer;
  return config.jobs > 1 ? OutputUse::printed : OutputUse::direct;
}

}  // namespace

/// Raises the soft limit where the COMMANDs need it, and keeps to what the hard limit allows.
void Runner::fit_descriptors() {
  constexpr std::uint64_t kEach = 3;      // a pidfd and two pipes
  constexpr std::uint64_t kBesides = 32;  // the queue's files, new pipes, the spill file
  const auto room = ipc::make_room_for(config_.jobs, kEach, kBesides);
  if (room.inherited) launcher_.restore_open_files(*room.inherited);
  most_ = room.jobs;
  if (most_ == config_.jobs) return;
  say("ulimit -n " + std::to_string(room.limit) + ": running at most " + std::to_string(most_) +
      " at a time");
}

/// Returns whether it stopped only for other things to get their turn: a message whose COMMAND cannot be started never
/// fills a slot, and there may be any number of them.
bool Runner::take_messages() {
  for (unsigned turn = 0; turn < kTurn; ++turn) {
    if (!may_take()) {
      intake_.pause();
      return false;
    }
    if (!intake_.wants()) break;
    const queue::FileQueue::Leased leased = queue_.lease_one();
    for (const std::string& damage : queue_.news_of_damage()) say(damage);
    if (!intake_.take(leased, busy_ == 0)) break;
    start(leased);
    if (turn + 1 == kTurn) return true;
  }
  if (intake_.ended()) intake_.pause();
  return false;
}

bool Runner::may_take() {
  // What is to be written must not pile up.
  return phase_ == Phase::running && busy_ < most_ && !err_.congested() && gate_.open();
}

Slot& Runner::free_slot() {
  const auto free = std::ranges::find_if(slots_, [](const Slot& slot) { return !slot.busy(); });
  if (free != slots_.end()) return *free;
  Slot& slot = slots_.emplace_back(store_);
  slot.number = static_cast<std::uint32_t>(slots_.size() - 1);
  return slot;
}

/// The slot's message is no longer ours. Events that still come for it are stale from now on.
void Runner::release(Slot& slot) {
  loop_.cancel(slot.limit);
  loop_.cancel(slot.kill);
  loop_.cancel(slot.grace);
  ++slot.generation;
  slot.lease = {};
  slot.output.clear();
  slot.answer = {};
  slot.errors.clear();
  slot.printing = false;
  --busy_;
  gate_.ended();
  // What was given back can be taken again, and what is left may be nothing.
  intake_.look_again();
}

void Runner::start(const queue::FileQueue::Leased& leased) {
  const queue::Message& message = leased.message;
  Slot& slot = free_slot();
  ++busy_;
  slot.lease = leased.lease;
  slot.id = message.id;
  slot.attempt = message.attempt;
  slot.wants_answer = message.wants_answer;
  slot.use = use_of_output(config_, message.wants_answer);
  slot.exited = slot.killed = slot.alone = false;
  slot.interference = Interference::none;
  slot.status = 0;
  const int unfit = launcher_.prepare(message, leased.lease);
  if (unfit != 0) return cannot_run(slot, unfit);
  ipc::Spawned spawned = spawn(slot, message.bytes);
  if (spawned.failed != ipc::Spawned::Step::none) return not_started(slot, spawned);
  slot.process = std::move(spawned.process);
  gate_.started(ipc::Duration::zero());
  watch(slot);
}

ipc::Spawned Runner::spawn(Slot& slot, std::string_view message) {
  Launcher::Streams streams;
  ipc::Fd in;
  ipc::Pipe out;
  ipc::Pipe err;
  try {
    err = ipc::Pipe::create();
    if (slot.use != OutputUse::direct) out = ipc::Pipe::create();
    if (config_.on_stdin) in = readable_message(message);
  } catch (const ipc::Error& error) {
    if (!is_passing(error.errnum())) throw;
    return {{}, ipc::Spawned::Step::clone, error.errnum()};
  }
  if (in) streams.in = in.get();
  if (out.write_end) streams.out = out.write_end.get();
  streams.err = err.write_end.get();
  ipc::Spawned spawned = launcher_.start(streams, guard_.slot(slot.number), signals_);
  if (spawned.failed == ipc::Spawned::Step::none) {
    slot.streams[0].pipe = std::move(out.read_end);
    slot.streams[1].pipe = std::move(err.read_end);
  }
  return spawned;
}

void Runner::watch(Slot& slot) {
  (void)loop_.watch(slot.process.pidfd(), ipc::EventLoop::Interest::read, token(RunEvent::exit, slot));
  for (std::size_t i = 0; i < slot.streams.size(); ++i) {
    slot.streams[i].paused = false;
    if (!slot.streams[i].pipe) continue;
    (void)loop_.watch(slot.streams[i].pipe.get(), ipc::EventLoop::Interest::read, stream_token(i, slot));
  }
  if (config_.limit) {
    slot.limit = loop_.arm(ipc::Deadline::after(*config_.limit), token(RunEvent::limit, slot));
  }
}

void Runner::not_started(Slot& slot, const ipc::Spawned& spawned) {
  using Step = ipc::Spawned::Step;
  if (is_passing(spawned.errnum)) return hold_back(slot, spawned.errnum);
  if (spawned.failed == Step::clone) throw ipc::Error(spawned.errnum, "fork", config_.command.front());
  if (spawned.errnum == E2BIG || launcher_.command_varies()) return cannot_run(slot, spawned.errnum);
  // What cannot be executed now will not be later: end as if it had been noticed before the first message.
  settlement_.give_back(slot.lease);
  release(slot);
  err_.write(ipc::diagnostic("pqueue", config_.command.front() + ": " + ipc::reason(spawned.errnum)));
  end_with(ipc::Lookup{{}, spawned.errnum}.status());
}

/// The system has no process or descriptor to spare: others may have the message, until something has ended here, or for
/// a while when nothing of ours is left to end.
void Runner::hold_back(Slot& slot, int errnum) {
  const bool of_pipe = errnum == EMFILE || errnum == ENFILE;
  const char* refused = of_pipe ? "pipe" : "fork";
  if (busy_ == 1 && gate_.refused_too_often()) throw ipc::Error(errnum, "", refused);
  settlement_.give_back(slot.lease);
  intake_.untake();
  release(slot);
  gate_.refused();
  if (std::exchange(told_fewer_, true)) return;
  say(std::string(refused) + ": " + ipc::reason(errnum) +
      (busy_ == 0 ? "; trying again" : "; running " + std::to_string(busy_) + " at a time"));
}

/// A message that can be no argument, or whose own command is not there: the try has failed, the run goes on.
void Runner::cannot_run(Slot& slot, int errnum) {
  std::string text = ipc::reason(errnum);
  if (errnum == EINVAL) text = "it has a NUL byte and cannot be an argument (see --stdin)";
  if (errnum != EINVAL && errnum != E2BIG) text = std::string(launcher_.first_word()) + ": " + text;
  if (told_unfit_++ < kMostTold) {
    say("message " + std::to_string(slot.id) + ": " + text +
        (told_unfit_ == kMostTold ? "; further ones are not told" : ""));
  }
  slot.errors.append(ipc::diagnostic("pqueue", text));
  slot.status = ipc::Lookup{{}, errnum}.status();
  conclude(slot, true);
}
