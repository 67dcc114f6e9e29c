#pragma once
/// The guard: a tiny process that ends what a tool's children left in their process groups, when the tool
/// itself is gone without a word (SIGKILL, a crash, the OOM killer).
///
/// It sleeps in a read of a pipe whose only other end the tool holds. Each child writes its process group into
/// a slot of shared memory before its exec (SpawnPlan::announcement), so there is no moment at which a group
/// runs that the guard does not know. At the end of the pipe it sends SIGKILL to every group in a slot.
/// PDEATHSIG ends the children themselves; the guard ends their families. It blocks all signals, is in a group
/// of its own, and holds neither the tool's directory nor its descriptors, but for one that it can be given: a lock
/// on it then stays until the children themselves are gone.
/// Not covered: the guard killed together with the tool.

#include <sys/types.h>

#include <atomic>
#include <cstddef>

#include "ipc/fd.hpp"

namespace ipc {

class Guard {
 public:
  /// Starts it, by fork: make it early, while this process is small. `kept`: a descriptor that it holds until the
  /// leaders of the groups that it has killed are gone. Throws Error.
  explicit Guard(std::size_t slots, int kept = -1);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { dismiss(); }

  /// Ends it without harm to any group; dismiss() or the destructor must still wait for it. For those in a hurry.
  void let_go() noexcept;

  /// Lets go, and waits until it is gone. Nothing more is guarded then.
  void dismiss() noexcept;

  /// Where child number `index` announces its group; 0 when there is none. Clear it before reaping the child,
  /// while its pid cannot have become anybody else's.
  [[nodiscard]] std::atomic<pid_t>& slot(std::size_t index) noexcept { return groups_[index]; }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  std::size_t slots_;
  std::atomic<pid_t>* groups_;
  pid_t pid_ = 0;
  Fd lifeline_;
};

}  // namespace ipc
