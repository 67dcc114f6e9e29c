#include "ipc/watcher.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "ipc/error.hpp"

namespace ipc {

Watcher::Watcher(std::span<const pollfd> watched) : watched_(watched.begin(), watched.end()) {}

Watcher::~Watcher() {
  if (!has_started()) return;
  ends_.store(true);
  ring();
  ::pthread_join(thread_, nullptr);
}

bool Watcher::is_for(std::span<const pollfd> watched) const noexcept {
  return std::equal(watched_.begin(), watched_.end(), watched.begin(), watched.end(),
                    [](const pollfd& a, const pollfd& b) { return a.fd == b.fd && a.events == b.events; });
}

void Watcher::start() {
  if (has_started()) return;
  bell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell_) throw_errno("", "eventfd");
  polled_ = {{bell_.get(), POLLIN, 0}};
  polled_.insert(polled_.end(), watched_.begin(), watched_.end());
  auto interruptible = std::make_unique<Interruptible>();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  interruptible_ = std::move(interruptible);
  const auto body = [](void* self) -> void* {
    static_cast<Watcher*>(self)->run();
    return nullptr;
  };
  const int errnum = ::pthread_create(&thread_, nullptr, body, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (errnum == 0) return;
  interruptible_.reset();
  throw Error(errnum, "", "thread");
}

bool Watcher::has_news() noexcept {
  const int count = ::poll(watched_.data(), watched_.size(), 0);
  return count > 0;
}

void Watcher::begin() noexcept {
  waits_.store(true);
  // Either it sees that we wait as it parks, or we see that it has.
  if (parked_.load() && parked_.exchange(false)) ring();
}

void Watcher::ring() const noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(bell_.get(), &one, sizeof one));
}

void Watcher::hear_bell() const noexcept {
  std::uint64_t rings = 0;
  static_cast<void>(!::read(bell_.get(), &rings, sizeof rings));
}

void Watcher::run() noexcept {
  constexpr std::chrono::milliseconds kRepeat =
      std::chrono::duration_cast<std::chrono::milliseconds>(Interruptible::kRepeat);
  for (;;) {
    if (::poll(polled_.data(), polled_.size(), -1) < 0) continue;
    hear_bell();
    if (ends_.load()) return;
    if (std::none_of(polled_.begin() + 1, polled_.end(), [](const pollfd& one) { return one.revents != 0; }))
      continue;
    // What has news would have us look at it without end: not before the next wait begins, or the next strike is due.
    parked_.store(true);
    const bool waits = waits_.load();
    if (waits) interruptible_->strike();
    static_cast<void>(::poll(polled_.data(), 1, waits ? static_cast<int>(kRepeat.count()) : -1));
    parked_.store(false);
  }
}

}  // namespace ipc
