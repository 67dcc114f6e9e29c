#pragma once
/// Who uses an object: its holders and those who wait, written into the object's own file.
///
/// Each process enters itself with its pid, its start time and the boot of the machine, so that an entry whose process
/// is gone, in whatever way, never counts, and its place is used again. A place is claimed by one compare-and-swap in
/// the mapped file: nobody who is killed or stopped in the middle of it is in anybody's way. Entered before the object
/// is had and changed after, it never misses a holder. The file is allocated before it is mapped, so that a full disk
/// is an Error, no SIGBUS.

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ipc {

class Roster {
 public:
  enum class State : std::uint32_t { waits = 1, holds = 2 };
  struct Entry {
    pid_t pid = 0;
    State state = State::waits;
    std::int64_t since = 0;  ///< seconds since the epoch
  };

  /// Enters this process as one that waits. The places begin at byte `begin` (a multiple of 8) of the file, which is
  /// open for reading and writing, and borrowed. Throws Error.
  Roster(int fd, std::size_t begin);
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;
  /// Leaves. To stay entered, as a process that goes on with another program, do not destroy it.
  ~Roster();

  void now(State state) noexcept;

  /// The entries of processes that run. Only reads.
  [[nodiscard]] static std::vector<Entry> entries(int fd, std::size_t begin);

 private:
  struct Place {
    std::atomic<std::uint64_t> owner;  ///< state << 32 | pid; 0: free
    std::atomic<std::uint64_t> start;
    std::atomic<std::int64_t> since;
    std::atomic<std::uint64_t> boot;  ///< which boot of the machine the two are of
  };

  void map(std::size_t size);
  [[nodiscard]] bool claim();

  int fd_;
  std::size_t begin_;
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  Place* place_ = nullptr;
};

}  // namespace ipc
