#pragma once
/// What the runner's events are about, as it is written into their tokens.

#include <cstdint>

#include "run_slot.hpp"

// clang-format off
enum class RunEvent : std::uint8_t {
  signals, wake, out, err,                    // descriptors of pqueue
  too_late, start_again, leftovers, all_end,  // timers of pqueue
  stream_out, stream_err, exit,               // descriptors of a slot
  limit, kill, grace                          // timers of a slot
};
// clang-format on

[[nodiscard]] inline ipc::Token token(RunEvent event) noexcept {
  return {static_cast<std::uint8_t>(event), 0, 0};
}

[[nodiscard]] inline ipc::Token token(RunEvent event, const Slot& slot) noexcept {
  return {static_cast<std::uint8_t>(event), slot.generation & 0xffffffU, slot.number};
}

[[nodiscard]] inline ipc::Token stream_token(std::size_t stream, const Slot& slot) noexcept {
  return token(stream == 0 ? RunEvent::stream_out : RunEvent::stream_err, slot);
}
