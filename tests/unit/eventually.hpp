#pragma once
/// Waiting for what another process is about to do, where nothing could wake us.

#include <ctime>

#include "ipc/deadline.hpp"

/// Asks every millisecond until `holds()` is true; false when `patience` has run out first.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& holds, ipc::Duration patience = std::chrono::seconds(20)) {
  const ipc::Deadline end = ipc::Deadline::after(patience);
  while (!holds()) {
    if (ipc::Deadline::now() >= end) return false;
    const timespec tick{0, 1'000'000};
    ::nanosleep(&tick, nullptr);
  }
  return true;
}
