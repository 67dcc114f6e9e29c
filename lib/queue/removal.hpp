#pragma once
/// Taking the files of a removed queue away.

#include <string>

namespace queue {

/// Of the queue at `path`, if its header says that it has been removed: whoever was killed in the middle of this left the
/// rest for the next one. What somebody else has laid into its directory stays. Throws ipc::Error.
void finish_removal(const std::string& path);

/// Of a queue that could not be made, whose directory this process has made and opened.
void unmake(int directory, const std::string& path) noexcept;

/// Wakes everybody who waits for an answer. `directory` is the queue's.
void ring_answers(int directory) noexcept;

}  // namespace queue
