#pragma once
/// Process groups of jobs that have ended while others in the group live on. A normal end lets go of them; until then
/// they are the tool's, and the guard's when the tool is killed.
///
/// Nobody is told when a group empties, and its number can be used again from then on: so each is looked at once a
/// second, which is far less than the system takes to come round to the same number.

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "ipc/event_loop.hpp"
#include "ipc/guard.hpp"

namespace ipc {

class Leftovers {
 public:
  /// Uses `capacity` guard slots from `first_slot` on; `token` is of the timer that asks for look().
  Leftovers(Guard& guard, std::size_t first_slot, std::size_t capacity, EventLoop& loop, Token token);

  /// Beyond the capacity a group is let go.
  void add(pid_t group);
  /// Forgets the groups that have emptied.
  void look();
  void signal(int number) const noexcept;
  /// The signal that the tool ends by: from now on it looks more often, since the tool waits for them.
  void end(int number);
  [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }

 private:
  Guard& guard_;
  std::size_t first_slot_;
  std::size_t capacity_;
  EventLoop& loop_;
  Token token_;
  Duration interval_ = std::chrono::seconds(1);
  std::vector<pid_t> groups_;  ///< number i is in guard slot first_slot_ + i
};

}  // namespace ipc
