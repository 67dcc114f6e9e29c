#pragma once
/// fdatasync(2) of what was put, while more is being put: a thread of our own waits for the disk.

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "ipc/fd.hpp"

namespace queue {

class Syncer {
 public:
  struct Job {
    std::set<std::uint32_t> segments;  ///< numbers of the files
    std::vector<ipc::Fd> files;
    ipc::Fd directory;  ///< set when files are new: its entries are to be safe too
    int errnum = 0;     ///< what came of it
  };
  /// Carries it out at once.
  static void run(Job& job) noexcept;

  Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  /// Waits for what was begun.
  ~Syncer();

  /// In the background; where no thread can be had, at once. Nothing else may be under way.
  void begin(Job job);
  [[nodiscard]] bool has_begun() const noexcept { return shared_ != nullptr && has_job_; }
  /// Waits for its end, and returns it.
  [[nodiscard]] Job end();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;  ///< with the thread; made when it is first needed
  bool has_job_ = false;
};

}  // namespace queue
