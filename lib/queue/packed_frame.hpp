#pragma once
/// Frames: many messages in one message of the kernel. Each is its length, 7 bits a byte, the lowest first and all but
/// the last with 128 added, and its bytes; nothing stands before, between or after them.

#include <cstddef>
#include <optional>
#include <string_view>

#include "ipc/message_queue.hpp"

namespace queue {

/// Adds `message` to the frame; false when there is no room for it in `limit` bytes.
[[nodiscard]] bool append_to_frame(ipc::MessageBuffer& frame, std::string_view message,
                                   std::size_t limit) noexcept;

/// The most bytes that a message may have which is alone in a frame of `limit` bytes, of at least 1.
[[nodiscard]] std::size_t largest_in_frame(std::size_t limit) noexcept;

/// Takes a message off the front of `frame`; nothing when that begins with none: such a frame is not ours.
[[nodiscard]] std::optional<std::string_view> take_from_frame(std::string_view& frame) noexcept;

}  // namespace queue
