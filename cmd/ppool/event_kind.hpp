#pragma once
/// What the pool's events are about, as it is written into their tokens.

#include <cstdint>

#include "ipc/event_loop.hpp"
#include "slot_table.hpp"

// clang-format off
enum class EventKind : std::uint8_t {
  input, signals, out, err,                              // descriptors of ppool
  stream_out, stream_err, exit,                          // descriptors of a slot
  limit, kill, grace,                                    // timers of a slot
  retry, start_again, progress, leftovers, all_must_end  // timers of ppool
};
// clang-format on

[[nodiscard]] inline ipc::Token token(EventKind kind) noexcept {
  return {static_cast<std::uint8_t>(kind), 0, 0};
}

[[nodiscard]] inline ipc::Token token(EventKind kind, const Slot& slot) noexcept {
  return SlotTable::token(static_cast<std::uint8_t>(kind), slot);
}

[[nodiscard]] inline ipc::Token stream_token(std::size_t stream, const Slot& slot) noexcept {
  return token(stream == 0 ? EventKind::stream_out : EventKind::stream_err, slot);
}
