#pragma once
/// A place for one message and the COMMAND that runs for it, and all that exists only while it does.

#include <array>
#include <cstdint>
#include <string>

#include "ipc/event_loop.hpp"
#include "ipc/process.hpp"
#include "ipc/spool.hpp"
#include "ipc/tail.hpp"
#include "queue/file_queue.hpp"

/// Bytes read from a COMMAND in one go.
inline constexpr std::size_t kReadSize = 64 * 1024;

/// Where COMMAND's stdout goes.
enum class OutputUse {
  direct,   ///< to pqueue's own
  printed,  ///< there too, but whole when COMMAND has ended
  answer
};

/// Why a try counts as failed whatever COMMAND's status is, or does not count at all.
enum class Interference {
  none,
  late,       ///< --limit
  stopped,    ///< it stopped for the terminal
  too_large,  ///< its answer
  ended       ///< with pqueue
};

struct Slot {
  explicit Slot(ipc::SpoolStore& store) : output(store) {}

  // The message
  queue::Lease lease;  ///< none while the slot is free
  std::uint64_t id = 0;
  unsigned attempt = 1;
  bool wants_answer = false;

  // The process
  ipc::Process process;
  bool exited = false;  ///< but perhaps not its output
  bool killed = false;
  bool alone = false;  ///< it has exited, and its group is empty
  Interference interference = Interference::none;
  int status = 0;  ///< as the shell shows it, once it is over
  ipc::EventLoop::Timer limit;
  ipc::EventLoop::Timer kill;   ///< KILL is due
  ipc::EventLoop::Timer grace;  ///< what it left must be gone by then, or is looked at again

  // Its output
  struct Stream {
    ipc::Fd pipe;  ///< open until the end of the stream
    bool paused = false;
  };
  std::array<Stream, 2> streams;  ///< stdout, unless it is direct, and stderr
  OutputUse use = OutputUse::direct;
  ipc::Spool output;
  std::string answer;
  ipc::Tail errors;
  std::uint64_t printed_at = 0;  ///< Output::written() once all of it has been
  bool printing = false;         ///< it is over but for that

  std::uint32_t number = 0;      ///< from 0
  std::uint32_t generation = 0;  ///< counts its messages, so that events for an earlier one are known as such

  [[nodiscard]] bool busy() const noexcept { return lease.serial != 0; }
  [[nodiscard]] bool is_being_ended() const noexcept { return interference != Interference::none; }
  [[nodiscard]] bool output_ended() const noexcept { return !streams[0].pipe && !streams[1].pipe; }
};
