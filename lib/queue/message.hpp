#pragma once
/// What goes through a queue.

#include <cstdint>
#include <optional>
#include <string_view>

namespace queue {

inline constexpr int kPriorities = 10;  ///< 0 to 9, the higher first
inline constexpr std::uint64_t kLargestMessage = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kUsualLargest = std::uint64_t{64} << 20;

/// Why a message ended among the dead letters.
struct Death {
  int status = 0;          ///< of the last try: N, or 128+SIGNAL
  unsigned attempts = 0;   ///< tries it has had
  std::string_view error;  ///< the end of what the last try wrote to stderr
};

/// A message as it is read. The views live as long as whatever it was taken by says.
struct Message {
  std::uint64_t id = 0;
  int priority = 0;
  unsigned attempt = 1;  ///< which try this one is, from 1
  bool wants_answer = false;
  std::int64_t put_at = 0;  ///< nanoseconds since the epoch
  std::string_view bytes;
  std::optional<Death> death;  ///< in a queue of dead letters
};

}  // namespace queue
