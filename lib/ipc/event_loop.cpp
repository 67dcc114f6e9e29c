#include "ipc/event_loop.hpp"

#include <cerrno>

#include "ipc/error.hpp"

namespace ipc {
namespace {

constexpr int kBatch = 64;

std::uint64_t pack(Token token) noexcept {
  return std::uint64_t{token.kind} << 56 | std::uint64_t{token.generation & 0xffffffU} << 32 | token.index;
}

Token unpack(std::uint64_t bits) noexcept {
  return {static_cast<std::uint8_t>(bits >> 56), static_cast<std::uint32_t>(bits >> 32) & 0xffffffU,
          static_cast<std::uint32_t>(bits)};
}

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw_errno("", "epoll");
  events_.reserve(kBatch);
}

void EventLoop::control(int operation, int fd, Interest interest, Token token) {
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(interest);
  event.data.u64 = pack(token);
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
    throw_errno("watch", "descriptor " + std::to_string(fd));
  }
}

bool EventLoop::watch(int fd, Interest interest, Token token) {
  epoll_event event{};
  event.events = static_cast<std::uint32_t>(interest);
  event.data.u64 = pack(token);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  if (errno == EPERM) return false;
  throw_errno("watch", "descriptor " + std::to_string(fd));
}

void EventLoop::change(int fd, Interest interest, Token token) {
  control(EPOLL_CTL_MOD, fd, interest, token);
}

void EventLoop::unwatch(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

EventLoop::Timer EventLoop::arm(Deadline at, Token token) {
  const Timer timer{at.is_never() ? at : at + -forgotten_, ++serial_};
  timers_.insert({timer, token});
  return timer;
}

void EventLoop::cancel(Timer& timer) noexcept {
  if (timer.serial != 0) timers_.erase({timer, {}});
  timer = {};
}

std::span<const Event> EventLoop::wait(bool block) {
  events_.clear();
  epoll_event ready[kBatch];
  for (;;) {
    int timeout = block ? -1 : 0;
    if (block && !timers_.empty())
      timeout = timers_.begin()->timer.at.poll_timeout(Deadline::now() + -forgotten_);
    const int count = ::epoll_wait(epoll_.get(), ready, kBatch, timeout);
    if (count < 0 && errno != EINTR) throw_errno("wait", "epoll");
    // Continued after a stop: what the descriptors have to tell comes before the timers that have run out meanwhile.
    if (count < 0) continue;
    for (int i = 0; i < count; ++i) {
      const std::uint32_t bits = ready[i].events;
      events_.push_back({unpack(ready[i].data.u64), (bits & EPOLLIN) != 0, (bits & EPOLLOUT) != 0,
                         (bits & (EPOLLHUP | EPOLLERR)) != 0});
    }
    if (!timers_.empty()) {
      const Deadline now = Deadline::now() + -forgotten_;
      while (!timers_.empty() && timers_.begin()->timer.at <= now) {
        events_.push_back({timers_.begin()->token});
        timers_.erase(timers_.begin());
      }
    }
    if (!events_.empty() || !block) return events_;
  }
}

}  // namespace ipc
