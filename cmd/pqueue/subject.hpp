#pragma once
/// The queue that a verb is about, and what is said about it on stderr.

#include <string>

#include "config.hpp"
#include "queue/open.hpp"

/// One that stands. Throws BadValue when there is none.
[[nodiscard]] queue::Opened open_standing(const Config& config);
/// The same, and it must be a durable one; a kernel queue is refused: it `reason`.
[[nodiscard]] queue::Opened open_durable(const Config& config, const char* reason);
/// At the end of the process: where nothing else is to be done, the kernel unmaps and closes, which is quicker.
void leave_to_kernel(queue::Opened&& opened);
/// One that is made if need be.
[[nodiscard]] queue::Opened open_or_make(const Config& config);

/// "pqueue: NAME: text"
void complain(const Config& config, const std::string& text) noexcept;
/// Damage that was met: a line for each.
void tell_damage(const Config& config, const queue::Opened& opened);

/// "1 message", "2 messages"
[[nodiscard]] std::string messages_text(std::uint64_t count);

/// -n and -t from now on.
[[nodiscard]] ipc::Deadline deadline_of(const Config& config);
/// The status of a wait that was in vain.
[[nodiscard]] int gave_up(const Config& config) noexcept;

/// Writes what a verb prints. Throws Error.
void print(std::string_view text);
