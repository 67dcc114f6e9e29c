#pragma once
/// Whose turn it is to wait at a bell. Of all that wait, one listens; the others stand in line behind it, and have their
/// turn when it has found something, or has died, in whatever way. So a ring wakes one process, no death takes it along,
/// and all are served in turn.
///
/// Each draws a ticket, and locks the byte of that number in a file (open file description locks, fcntl_locking(2), which
/// the kernel frees whatever happens to their owner). Whoever finds no lock on a lower byte has the turn; the others wait
/// for the lock before theirs. Such a wait cannot be combined with others: a thread of our own does it, which is started
/// when the turn is not to be had at once, and says so through a descriptor.

#include <sys/types.h>

#include <cstdint>

#include "ipc/fd.hpp"

namespace queue {

class Turn {
 public:
  /// `name` in `directory` (borrowed) is the file of the locks, `tickets` the shared counter. Where the file is gone, with
  /// its queue, everybody has the turn. Throws ipc::Error.
  Turn(int directory, const char* name, std::uint64_t& tickets);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  /// Gives it up. A thread that still waits is left behind: it ends with the process.
  ~Turn();

  /// Has it, or gets it at once; otherwise it stands in line from now on, and descriptor() becomes readable when this is
  /// worth another try. Throws ipc::Error.
  [[nodiscard]] bool take();
  [[nodiscard]] int descriptor() const noexcept { return told_.get(); }
  /// Passes it on, or leaves the line.
  void pass() noexcept;

 private:
  struct Shared;
  [[nodiscard]] off_t draw();
  void start_thread();

  std::uint64_t& tickets_;
  ipc::Fd told_;
  Shared* shared_;  ///< with the thread; never freed while there is one
};

}  // namespace queue
