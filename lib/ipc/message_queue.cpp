#include "ipc/message_queue.hpp"

#include <sys/ipc.h>
#include <sys/msg.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "ipc/alarm.hpp"
#include "ipc/error.hpp"

namespace ipc {
namespace {

using Outcome = MessageQueue::Outcome;

constexpr const char* kObject = "message queue";

bool means_gone(int errnum) noexcept { return errnum == EIDRM || errnum == EINVAL; }
/// msgsnd(2) and msgrcv(2) have a word each for it.
bool means_wait(int errnum) noexcept { return errnum == EAGAIN || errnum == ENOMSG; }

[[noreturn]] void fail(const char* operation, int errnum) { throw Error(errnum, operation, kObject); }

/// What an attempt came to: 0 or an errno, and whether it was the Watcher who ended it.
struct Result {
  int errnum = 0;
  bool watched = false;

  /// Nothing when it is the caller's to judge.
  [[nodiscard]] std::optional<Outcome> end() const noexcept {
    if (errnum == 0) return Outcome::done;
    if (watched) return Outcome::watched;
    if (means_wait(errnum)) return Outcome::not_now;
    return std::nullopt;
  }
};

/// `call` takes flags, and says 0 or an errno.
template <class Call>
Result wait_in(const Call& call, Deadline deadline, Watcher* watcher) {
  const Watcher::Wait watched(watcher);
  while (deadline.is_never() || deadline > Deadline::now()) {
    const int errnum = call(0);
    if (errnum != EINTR) return {errnum};
    if (watcher != nullptr && watcher->has_news()) return {EAGAIN, true};
  }
  return {EAGAIN};
}

template <class Call>
Result perform(const Call& call, Deadline deadline, Watcher* watcher) {
  // A thread that watches already costs nothing; otherwise see first whether there is anything to wait for.
  if (!deadline.is_never() || (watcher != nullptr && !watcher->has_started())) {
    int errnum = EINTR;
    while (errnum == EINTR) errnum = call(IPC_NOWAIT);
    if (!means_wait(errnum) || deadline <= Deadline::now()) return {errnum};
  }
  if (watcher != nullptr) watcher->start();
  std::optional<Alarm> alarm;
  if (!deadline.is_never()) alarm.emplace(deadline);
  return wait_in(call, deadline, watcher);
}

}  // namespace

MessageBuffer::MessageBuffer(std::size_t capacity) { grow(capacity); }

void MessageBuffer::grow(std::size_t capacity) {
  memory_ = std::make_unique_for_overwrite<long[]>(1 + (capacity + sizeof(long) - 1) / sizeof(long));
  memory_[0] = 1;
  capacity_ = capacity;
  size_ = 0;
}

void MessageBuffer::append(std::string_view bytes) noexcept {
  if (!bytes.empty()) std::memcpy(begin() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

const char* MessageQueue::NoMore::what() const noexcept {
  return "the system has no more message queues (kernel.msgmni)";
}

std::optional<MessageQueue> MessageQueue::open(key_t key) {
  const int id = ::msgget(key, 0);
  if (id >= 0) return MessageQueue(id);
  if (errno == ENOENT) return std::nullopt;
  fail("open", errno);
}

std::optional<MessageQueue> MessageQueue::create(key_t key, mode_t mode) {
  const int id = ::msgget(key, IPC_CREAT | IPC_EXCL | static_cast<int>(mode & 0777));
  if (id >= 0) return MessageQueue(id);
  if (errno == EEXIST) return std::nullopt;
  if (errno == ENOSPC) throw NoMore();
  fail("create", errno);
}

Outcome MessageQueue::send(const MessageBuffer& message, Deadline deadline, Watcher* watcher) {
  const auto call = [&](int flags) {
    return ::msgsnd(id_, message.memory_.get(), message.size_, flags) == 0 ? 0 : errno;
  };
  const Result result = perform(call, deadline, watcher);
  if (const auto end = result.end()) return *end;
  // The kernel has the same word for a message that is too large.
  if (result.errnum == EINVAL && message.size_ > largest()) return Outcome::too_large;
  if (means_gone(result.errnum)) return Outcome::gone;
  fail("send", result.errnum);
}

Outcome MessageQueue::receive(MessageBuffer& message, long type, Deadline deadline, Watcher* watcher) {
  const auto call = [&](int flags) {
    const ssize_t count = ::msgrcv(id_, message.memory_.get(), message.capacity_, type, flags);
    if (count < 0) return errno;
    message.size_ = static_cast<std::size_t>(count);
    return 0;
  };
  for (;;) {
    const Result result = perform(call, deadline, watcher);
    if (const auto end = result.end()) return *end;
    if (means_gone(result.errnum)) return Outcome::gone;
    if (result.errnum != E2BIG) fail("receive", result.errnum);
    message.grow(std::max(2 * message.capacity_, largest()));
  }
}

Outcome MessageQueue::receive_at_most(MessageBuffer& message, long type, std::size_t room) {
  for (;;) {
    const ssize_t count =
        ::msgrcv(id_, message.memory_.get(), std::min(room, message.capacity_), type, IPC_NOWAIT);
    if (count >= 0) {
      message.size_ = static_cast<std::size_t>(count);
      return Outcome::done;
    }
    if (means_wait(errno)) return Outcome::not_now;
    if (means_gone(errno)) return Outcome::gone;
    if (errno == E2BIG) return Outcome::too_large;
    if (errno != EINTR) fail("receive", errno);
  }
}

std::optional<Outcome> MessageQueue::copy(MessageBuffer& message, long index) const {
  for (;;) {
    const ssize_t count =
        ::msgrcv(id_, message.memory_.get(), message.capacity_, index, IPC_NOWAIT | MSG_COPY);
    if (count >= 0) {
      message.size_ = static_cast<std::size_t>(count);
      return Outcome::done;
    }
    if (means_wait(errno)) return Outcome::not_now;
    if (errno == ENOSYS) return std::nullopt;
    if (means_gone(errno)) return Outcome::gone;
    if (errno != E2BIG && errno != EINTR) fail("read", errno);
    if (errno == E2BIG) message.grow(std::max(2 * message.capacity_, largest()));
  }
}

std::optional<MessageQueue::Status> MessageQueue::status() const {
  msqid_ds data{};
  if (::msgctl(id_, IPC_STAT, &data) != 0) {
    if (means_gone(errno)) return std::nullopt;
    fail("read", errno);
  }
  return Status{data.msg_qnum,  data.__msg_cbytes, data.msg_qbytes,
                data.msg_stime, data.msg_rtime,    data.msg_perm.cuid};
}

bool MessageQueue::set(const Terms& terms) {
  // The kernel takes it for an int, and drops what is beyond.
  if (terms.max_bytes > INT_MAX) return false;
  msqid_ds data{};
  data.msg_perm.uid = terms.user;
  data.msg_perm.gid = terms.group;
  data.msg_perm.mode = static_cast<decltype(data.msg_perm.mode)>(terms.mode & 0777);
  data.msg_qbytes = terms.max_bytes;
  if (::msgctl(id_, IPC_SET, &data) == 0) return true;
  if (errno == EPERM) return false;
  fail("change", errno);
}

void MessageQueue::remove() {
  if (::msgctl(id_, IPC_RMID, nullptr) != 0 && !means_gone(errno)) fail("remove", errno);
}

std::size_t MessageQueue::largest() {
  msginfo info{};
  if (::msgctl(0, IPC_INFO, reinterpret_cast<msqid_ds*>(&info)) < 0) fail("ask for its limits", errno);
  return static_cast<std::size_t>(info.msgmax);
}

}  // namespace ipc
