#pragma once
/// A place where one job runs at a time, and all that exists only while it does.

#include <array>
#include <cstdint>
#include <memory>

#include "ipc/event_loop.hpp"
#include "ipc/process.hpp"
#include "job.hpp"
#include "results.hpp"

/// Bytes read from a job in one go.
inline constexpr std::size_t kReadSize = 64 * 1024;

struct Slot {
  unsigned number = 0;           ///< from 1
  std::uint32_t generation = 0;  ///< counts its jobs, so that events for an earlier one are known as such
  std::unique_ptr<Job> job;
  ipc::Process process;
  struct Stream {
    ipc::Fd pipe;  ///< open until the end of the stream
    bool paused = false;
  };
  std::array<Stream, kStreams> streams;
  Results::Files results;
  ipc::Deadline started;
  ipc::EventLoop::Timer limit;  ///< -t
  ipc::EventLoop::Timer kill;   ///< KILL is due
  ipc::EventLoop::Timer grace;  ///< what it left must be gone by then, or is looked at again
  bool exited = false;          ///< but perhaps not its output
  bool timed_out = false;
  bool ended_by_pool = false;
  bool killed = false;
  int stopped_by = 0;  ///< SIGTTIN or SIGTTOU: it wanted the terminal
  bool alone = false;  ///< it has exited, and its group is empty

  /// It is not left to end by itself: neither is what it started.
  [[nodiscard]] bool is_being_ended() const noexcept { return timed_out || ended_by_pool || stopped_by != 0; }
  [[nodiscard]] bool output_ended() const noexcept { return !streams[0].pipe && !streams[1].pipe; }
};
