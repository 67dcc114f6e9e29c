#include "held_signals.hpp"

#include <ctime>

HeldSignals::HeldSignals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGTSTP}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

HeldSignals::~HeldSignals() {
  queue_.reset();
  sigset_t of_writes;
  sigemptyset(&of_writes);
  sigaddset(&of_writes, SIGPIPE);
  sigaddset(&of_writes, SIGXFSZ);
  const timespec at_once{};
  while (::sigtimedwait(&of_writes, nullptr, &at_once) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

int HeldSignals::descriptor() {
  if (!queue_) queue_.emplace({SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGTSTP});
  return queue_->fd();
}

std::optional<int> HeldSignals::next() noexcept { return queue_ ? queue_->next() : std::nullopt; }
