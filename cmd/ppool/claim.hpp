#pragma once
/// --queue: what a job owes to the queue that its record came from.

#include <cstdint>

#include "queue/file_queue.hpp"

struct Claim {
  queue::Lease lease;  ///< none: the record is from elsewhere
  std::uint64_t id = 0;
  unsigned attempt = 1;
  bool wants_answer = false;
  bool is_last_try = false;  ///< when it fails there will be no other

  [[nodiscard]] explicit operator bool() const noexcept { return lease.serial != 0; }
};
