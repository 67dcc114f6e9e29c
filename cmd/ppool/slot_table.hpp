#pragma once
/// The slots: the lowest free one is taken first, so that slot numbers stay within the number of workers.

#include <algorithm>
#include <deque>
#include <functional>
#include <vector>

#include "slot.hpp"

class SlotTable {
 public:
  /// A free slot; a new one when all are taken. Slots never move.
  [[nodiscard]] Slot& take() {
    if (free_.empty()) {
      Slot& slot = slots_.emplace_back();
      slot.number = static_cast<unsigned>(slots_.size());
      return slot;
    }
    std::ranges::pop_heap(free_, std::greater{});
    const unsigned index = free_.back();
    free_.pop_back();
    return slots_[index];
  }

  /// The slot's job is gone. Events that still come for it are stale from now on.
  void give_back(Slot& slot) {
    ++slot.generation;
    slot.results = {};
    free_.push_back(slot.number - 1);
    std::ranges::push_heap(free_, std::greater{});
  }

  /// The slot that an event is meant for, or nullptr when its job has ended meanwhile.
  [[nodiscard]] Slot* find(const ipc::Token& token) noexcept {
    if (token.index >= slots_.size()) return nullptr;
    Slot& slot = slots_[token.index];
    return slot.job && (slot.generation & kGenerations) == token.generation ? &slot : nullptr;
  }
  [[nodiscard]] static ipc::Token token(std::uint8_t kind, const Slot& slot) noexcept {
    return {kind, slot.generation & kGenerations, slot.number - 1};
  }

  [[nodiscard]] auto begin() noexcept { return slots_.begin(); }
  [[nodiscard]] auto end() noexcept { return slots_.end(); }
  /// Kills and reaps what runs.
  void clear() noexcept {
    slots_.clear();
    free_.clear();
  }

 private:
  static constexpr std::uint32_t kGenerations = 0xffffff;  // as many as a Token keeps
  std::deque<Slot> slots_;
  std::vector<unsigned> free_;  ///< indices, a heap with the lowest first
};
