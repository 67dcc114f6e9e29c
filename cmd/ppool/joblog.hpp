#pragma once
/// --joblog: what became of each job, in a file that --resume reads.
///
/// A line is appended by one write after the job's output has been written, so that whatever moment ppool is
/// killed at, a job is logged only when it is over. A torn last line (a full disk, a power cut) is cut off when the
/// file is opened again. The file is locked for as long as ppool uses it.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ipc/fd.hpp"
#include "ipc/file_lock.hpp"
#include "job.hpp"

/// What earlier runs have logged.
class ResumeIndex {
 public:
  void add(const JobKey& key, bool success);
  /// Whether the job is to be left out: logged at all, or with success.
  [[nodiscard]] bool has(const JobKey& key, bool success_only) const;

 private:
  std::map<JobKey, bool> entries_;
};

/// Numbers equal jobs of a run: 1, 2, 3... A job that comes once costs 8 bytes in a table that is at most 7/8 full.
/// It goes by 64 bits of the hash; two jobs that share these would be numbered together, which makes a later
/// --resume repeat one of them and never skip one.
class OccurrenceCounter {
 public:
  [[nodiscard]] std::uint32_t next(const ipc::Hash128& hash);

 private:
  void grow();
  [[nodiscard]] std::size_t find(std::uint64_t print) const noexcept;
  std::vector<std::uint64_t> prints_;                          ///< 0: free
  std::unordered_map<std::uint64_t, std::uint32_t> repeated_;  ///< how often, from the second time on
  std::size_t used_ = 0;
};

class JobLog {
 public:
  /// Opens and locks the file. Throws ipc::UsageError when another ppool uses it, ipc::Error.
  explicit JobLog(const std::string& path);

  /// Reads what is there, but for a torn last line. Throws ipc::Error.
  [[nodiscard]] ResumeIndex read();
  /// Cuts off the torn last line that read() saw. Throws ipc::Error.
  void mend();
  /// Empties the file. Throws ipc::Error.
  void clear();

  /// 0, or the errno that kept the line from being written whole; it must not be called again then.
  [[nodiscard]] int append(const Job& job);

 private:
  std::string path_;
  ipc::Fd file_;
  std::optional<ipc::FileLock> lock_;
  std::string line_;
  off_t torn_at_ = -1;  ///< where the torn line begins
};
