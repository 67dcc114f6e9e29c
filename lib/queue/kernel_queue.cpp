#include "queue/kernel_queue.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "ipc/error.hpp"
#include "queue/packed_frame.hpp"

namespace queue {
namespace {

using Outcome = ipc::MessageQueue::Outcome;

/// For the messages of a batch; at least one has room.
constexpr std::size_t kBatchBytes = std::size_t{64} << 10;

constexpr long type_of(int priority) noexcept { return kPriorities - priority; }
constexpr int priority_of(long type) noexcept { return static_cast<int>(kPriorities - type); }

constexpr long kPlain = type_of(0);
constexpr unsigned kTurns = 64;

/// Why a wait that has not done its work has ended; `not_now` is the word for the first of these.
Stop stop_of(Outcome outcome, Stop not_now) noexcept {
  switch (outcome) {
    case Outcome::done: return Stop::none;
    case Outcome::not_now: return not_now;
    case Outcome::gone: return Stop::removed;
    case Outcome::too_large: return Stop::too_large;
    case Outcome::watched: return Stop::watched;
  }
  return Stop::none;
}

/// Has what `body` throws name the queue.
template <class Body>
decltype(auto) named(const std::string& name, Body&& body) {
  try {
    return body();
  } catch (const ipc::BadValue& bad) {
    throw ipc::BadValue(name + ": " + bad.what());
  } catch (const ipc::Error& error) {
    throw ipc::Error(error.errnum(), error.operation(), name);
  }
}

}  // namespace

std::unique_ptr<KernelQueue> KernelQueue::open(const std::string& path, const Shape* shape) {
  auto file = KernelFile::open(path, shape);
  if (!file) return nullptr;
  return std::unique_ptr<KernelQueue>(new KernelQueue(std::move(*file)));
}

bool KernelQueue::remove(const std::string& path) { return KernelFile::remove(path); }

KernelQueue::KernelQueue(KernelFile file) : file_(std::move(file)), out_(file_.room()), in_(file_.room()) {}

KernelQueue::~KernelQueue() {
  try {
    take_from_rest(SIZE_MAX);
    static_cast<void>(put_back(0));
  } catch (const std::exception&) {
    // There is nobody to tell.
  }
}

ipc::Watcher* KernelQueue::watcher_for(Watched watched) {
  if (watched.empty()) return nullptr;
  if (!watcher_ || !watcher_->is_for(watched)) watcher_.emplace(watched);
  return &*watcher_;
}

/// What is in out_.
Stop KernelQueue::send(ipc::Deadline deadline, Watched watched) {
  const Outcome outcome = file_.queue().send(out_, deadline, watcher_for(watched));
  if (outcome == Outcome::watched) ::poll(watched.data(), watched.size(), 0);
  return stop_of(outcome, Stop::full);
}

/// Into out_: the first message, or as many as have room in a frame. How many.
std::size_t KernelQueue::fill(std::span<const std::string_view> messages) {
  out_.clear();
  if (!file_.is_packed()) {
    out_.append(messages.front());
    return 1;
  }
  std::size_t count = 0;
  while (count < messages.size() && messages[count].size() <= file_.max_message() &&
         append_to_frame(out_, messages[count], file_.room()))
    ++count;
  return count;
}

PutResult KernelQueue::put(std::span<const std::string_view> messages, const PutOptions& options,
                           ipc::Deadline deadline, Watched watched) {
  return named(name_, [&] { return put_in_order(messages, options, deadline, watched); });
}

PutResult KernelQueue::put_in_order(std::span<const std::string_view> messages, const PutOptions& options,
                                    ipc::Deadline deadline, Watched watched) {
  if (options.delay > ipc::Duration::zero()) throw ipc::BadValue("a kernel queue delays no messages");
  if (options.wants_answer) throw ipc::BadValue("a kernel queue keeps no answers");
  if (options.priority != 0 && !noted_) {
    file_.note_priorities();
    noted_ = priorities_ = true;
  }
  PutResult result;
  out_.set_type(type_of(options.priority));
  while (result.count < messages.size() && result.stop == Stop::none) {
    const auto rest = messages.subspan(result.count);
    if (rest.front().size() > file_.max_message()) {
      result.stop = Stop::too_large;
      break;
    }
    const std::size_t count = fill(rest);
    result.stop = send(deadline, watched);
    if (result.stop == Stop::none) result.count += count;
  }
  return result;
}

/// Without waiting, and without looking through all of a backlog.
bool KernelQueue::receive_plain() {
  if (!backlog_ || priorities_ || ++turns_ % kTurns == 0) return false;
  priorities_ = file_.has_priorities();
  return !priorities_ && file_.queue().receive_at_most(in_, kPlain, in_.capacity()) == Outcome::done;
}

Stop KernelQueue::receive(ipc::Deadline deadline, Watched watched) {
  if (receive_plain()) return Stop::none;
  const Outcome outcome = file_.queue().receive(in_, -kPriorities, deadline, watcher_for(watched));
  if (outcome == Outcome::watched) ::poll(watched.data(), watched.size(), 0);
  backlog_ = outcome == Outcome::done;
  if (backlog_ && in_.type() != kPlain) priorities_ = true;
  return stop_of(outcome, Stop::empty);
}

void KernelQueue::add(std::string_view bytes, int priority) {
  Message& message = batch_.messages.emplace_back();
  message.priority = priority;
  message.bytes = bytes;
}

/// What is in in_, and what else is there now.
void KernelQueue::take_more(std::size_t most) {
  used_ = 0;
  bytes_.resize(std::max(kBatchBytes, in_.size()));
  Outcome outcome = Outcome::done;
  while (outcome == Outcome::done) {
    char* const begin = bytes_.data() + used_;
    if (in_.size() > 0) std::memcpy(begin, in_.text().data(), in_.size());
    used_ += in_.size();
    add({begin, in_.size()}, priority_of(in_.type()));
    if (batch_.messages.size() >= most) return;
    outcome = file_.queue().receive_at_most(in_, priorities_ ? -kPriorities : kPlain, bytes_.size() - used_);
  }
  backlog_ = outcome != Outcome::not_now;
}

void KernelQueue::take_frame(std::size_t most, ipc::Deadline deadline, Watched watched) {
  // It may be empty, if another program has put it there.
  while (frame_.empty() && batch_.stop == Stop::none) {
    batch_.stop = receive(deadline, watched);
    if (batch_.stop == Stop::none) frame_ = in_.text();
  }
  take_from_rest(most);
}

void KernelQueue::take_from_rest(std::size_t most) {
  while (!frame_.empty() && batch_.messages.size() < most) {
    const auto bytes = take_from_frame(frame_);
    if (!bytes) {
      frame_ = {};
      throw ipc::Error(EBADMSG, "receive", name_);
    }
    add(*bytes, priority_of(in_.type()));
  }
}

const Batch& KernelQueue::take(std::size_t most, ipc::Deadline deadline, Watched watched) {
  batch_.messages.clear();
  batch_.stop = Stop::none;
  most = std::max<std::size_t>(most, 1);
  named(name_, [&] {
    if (file_.is_packed()) return take_frame(most, deadline, watched);
    batch_.stop = receive(deadline, watched);
    if (batch_.stop == Stop::none) take_more(most);
  });
  return batch_;
}

/// The batch from `count` on. How many have found no room in the queue that is there.
std::size_t KernelQueue::put_back(std::size_t count) {
  std::size_t lost = 0;
  std::vector<std::string_view> messages;
  for (std::size_t i = count; i < batch_.messages.size(); ++i) {
    const Message& message = batch_.messages[i];
    PutOptions options;
    options.priority = message.priority;
    messages.push_back(message.bytes);
    const bool is_last = i + 1 == batch_.messages.size();
    if (!is_last && batch_.messages[i + 1].priority == message.priority) continue;
    const PutResult result = put_in_order(messages, options, ipc::Deadline::now(), {});
    if (result.stop != Stop::removed) lost += messages.size() - result.count;
    messages.clear();
  }
  batch_.messages.clear();
  return lost;
}

void KernelQueue::settle(std::size_t count, Then /*then*/) {
  const std::size_t lost = named(name_, [&] { return put_back(count); });
  if (lost > 0)
    throw ipc::BadValue(name_ +
                        ": is full again: messages that were taken and are lost: " + std::to_string(lost));
}

/// What a packed queue has in place of frames.
void KernelQueue::count_in_frames(Stat& stat) {
  ipc::MessageBuffer frame(file_.room());
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  for (long index = 0;; ++index) {
    const auto copied = file_.queue().copy(frame, index);
    if (!copied) return;
    if (*copied != Outcome::done) break;
    std::string_view rest = frame.text();
    while (const auto message = take_from_frame(rest)) {
      ++messages;
      bytes += message->size();
    }
  }
  stat.queued = messages;
  stat.bytes = bytes;
}

Queue::Size KernelQueue::size() {
  const Stat now = stat();
  return {now.queued, now.bytes, now.full};
}

KernelQueue::Stat KernelQueue::stat() {
  return named(name_, [&]() -> Stat {
    const auto status = file_.queue().status();
    if (!status) return {};
    Stat stat{status->messages,  status->bytes,        status->max_bytes,
              status->last_send, status->last_receive, file_.is_packed()};
    stat.full = status->bytes >= status->max_bytes || status->messages >= status->max_bytes;
    if (stat.packed) count_in_frames(stat);
    return stat;
  });
}

}  // namespace queue
