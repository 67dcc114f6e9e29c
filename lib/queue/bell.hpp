#pragma once
/// A FIFO by which processes tell others that something has changed: to ring it is to open it for writing and to close
/// it again, upon which everybody who had it open for reading sees a hang-up. No byte is written, so that nobody can
/// take a ring away from somebody else, and with nobody listening nothing happens at all.
///
/// Who waits opens it first, then looks under the lock whether there is still reason to wait. Who changes something
/// rings under the lock, before the commit: whoever is killed in between has at worst woken somebody in vain.

#include "ipc/fd.hpp"

namespace queue {

inline constexpr const char* kGetBell = "bell-get";
inline constexpr const char* kPutBell = "bell-put";
inline constexpr const char* kJoinBell = "bell-join";

/// Rings bell `name` in `directory`; best effort where it may not be opened.
void ring(int directory, const char* name) noexcept;

/// Open for reading: POLLHUP from the next ring on. None where it is gone, with its queue. Throws ipc::Error.
[[nodiscard]] ipc::Fd listen(int directory, const char* name);

}  // namespace queue
