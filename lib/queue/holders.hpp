#pragma once
/// The processes that hold leases. Each has an entry and a lock on a byte of the table's file, which the kernel frees
/// when the last descriptor of its file description is closed: with the process, or with those that it left its
/// descriptor to (Guard's `kept`), and in no other way.

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "queue/runs.hpp"
#include "queue/store.hpp"

namespace queue {

/// Which pid namespace this process is in: its pids mean nothing in others. 0: not known.
[[nodiscard]] std::uint64_t pid_space();

class Holders {
 public:
  explicit Holders(Store& store) noexcept : store_(store) {}

  /// This process's entry; it is registered when it is not yet. Throws ipc::Error (ENOSPC, EUSERS).
  [[nodiscard]] Number self();
  [[nodiscard]] Number registered() const noexcept { return self_; }
  /// What is taken from now on is not just looked at and settled: whoever waits should hear of this process's end at
  /// once. (Otherwise it looks for that from time to time, and taking one message is cheaper.)
  void expect_to_hold() noexcept { expects_to_hold_ = true; }
  /// Gives the entry up, once it holds nothing.
  void leave();

  /// Returns what dead holders had, and removes them. Commits; nothing else may be under way. Says whether anything
  /// was returned.
  bool bury_dead();

  struct Other {
    pid_t pid = 0;
    std::uint64_t serial = 0;
    bool can_be_watched = false;  ///< its pid means something here
  };
  /// Those that hold something, but for this process.
  [[nodiscard]] std::vector<Other> others() const;

 private:
  [[nodiscard]] bool is_alive(Number number) const;
  [[nodiscard]] bool lock_byte(Number number) const;
  void return_runs(Number number);

  Store& store_;
  Number self_ = 0;
  std::uint64_t serial_ = 0;  ///< of that registration
  bool expects_to_hold_ = false;
  bool can_be_watched_ = false;
};

}  // namespace queue
