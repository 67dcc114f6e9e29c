#include "ipc/leftovers.hpp"

#include <csignal>

namespace ipc {

Leftovers::Leftovers(Guard& guard, std::size_t first_slot, std::size_t capacity, EventLoop& loop, Token token)
    : guard_(guard), first_slot_(first_slot), capacity_(capacity), loop_(loop), token_(token) {}

void Leftovers::add(pid_t group) {
  if (groups_.size() == capacity_) return;
  if (groups_.empty()) loop_.arm(Deadline::after(interval_), token_);
  guard_.slot(first_slot_ + groups_.size()).store(group);
  groups_.push_back(group);
}

void Leftovers::look() {
  for (std::size_t i = groups_.size(); i-- > 0;) {
    if (::kill(-groups_[i], 0) == 0) continue;
    // The last one takes the place: first there, then away from its own, so that the guard never misses it.
    guard_.slot(first_slot_ + i).store(i + 1 < groups_.size() ? groups_.back() : 0);
    guard_.slot(first_slot_ + groups_.size() - 1).store(0);
    groups_[i] = groups_.back();
    groups_.pop_back();
  }
  if (!groups_.empty()) loop_.arm(Deadline::after(interval_), token_);
}

void Leftovers::signal(int number) const noexcept {
  for (const pid_t group : groups_) ::kill(-group, number);
}

void Leftovers::end(int number) {
  signal(number);
  interval_ = std::chrono::milliseconds(10);
  if (!groups_.empty()) loop_.arm(Deadline::after(interval_), token_);
}

}  // namespace ipc
