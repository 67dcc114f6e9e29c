#pragma once
/// What a new queue is made like. What is not set says nothing, also about a queue that stands already: then every
/// option that is set must agree with it.

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace queue {

struct Shape {
  bool kernel = false;   ///< a System V message queue
  bool packed = false;   ///< of frames of lines
  bool lifo = false;     ///< the newest first, inside a priority
  bool no_sync = false;  ///< put does not wait for the disk
  std::optional<std::uint64_t> max_messages;
  std::optional<std::uint64_t> max_bytes;    ///< of payload
  std::optional<std::uint64_t> max_message;  ///< bytes of one
  std::optional<mode_t> mode;                ///< of its files
  bool allow_network = false;                ///< also on a network file system
};

}  // namespace queue
