#include "run_settlement.hpp"

Settlement::Settlement(const Config& config, queue::FileQueue& queue)
    : config_(config), queue_(queue), rule_(config.retries, config.backoff, queue.has_dead_letters()) {}

bool Settlement::conclude(const Slot& slot, bool delivered) {
  if (slot.status == 0 && delivered) {
    succeed(slot);
    return false;
  }
  // Neither a COMMAND that pqueue has ended nor one whose output nobody wanted has failed.
  if (slot.interference == Interference::ended || slot.status == 0) {
    give_back(slot.lease);
    return false;
  }
  return fail(slot);
}

void Settlement::answer(const Slot& slot) {
  if (slot.wants_answer) queue_.answer(slot.id, slot.status, slot.answer);
}

void Settlement::succeed(const Slot& slot) {
  answer(slot);
  (void)queue_.done(slot.lease);
  returned_.erase(slot.id);
}

bool Settlement::fail(const Slot& slot) {
  if (rule_.is_last(slot.attempt)) {
    answer(slot);
    if (queue_.bury(slot.lease, {slot.status, slot.attempt, slot.errors.text()})) ++dead_;
    returned_.erase(slot.id);
    return false;
  }
  (void)queue_.give_back(slot.lease, rule_.delay_after(slot.attempt), true);
  // With -f the tries that follow decide.
  if (!config_.follow) returned_.insert(slot.id);
  return true;
}

std::optional<std::string> Settlement::summary() const {
  if (dead_ == 0) return std::nullopt;
  return queue::dead_summary(dead_, config_.name);
}
