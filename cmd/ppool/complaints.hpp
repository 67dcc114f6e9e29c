#pragma once
/// Messages that would come again and again, and are told only the first time or the first few times.

#include <cerrno>
#include <optional>
#include <string>

#include "ipc/error.hpp"

class Complaints {
 public:
  /// A job that can never start, by the errno that exec gave or would give; EINVAL: a NUL in its record.
  [[nodiscard]] std::optional<std::string> cannot_run(std::uint64_t seq, const std::string& command,
                                                      int errnum) {
    const std::string job = "job " + std::to_string(seq) + ": ";
    if (errnum == EINVAL) {
      if (told_nul_) return std::nullopt;
      told_nul_ = true;
      return job + "the record has a NUL byte and cannot be an argument (see -0); told once";
    }
    if (errnum != E2BIG) return job + command + ": " + ipc::reason(errnum);
    if (told_too_long_ == kMost) return std::nullopt;
    return job + ipc::reason(E2BIG) + (++told_too_long_ == kMost ? "; further ones are not told" : "");
  }

  /// The system refuses processes or descriptors.
  [[nodiscard]] std::optional<std::string> fewer(const char* refused, int errnum, unsigned running) {
    if (told_fewer_) return std::nullopt;
    told_fewer_ = true;
    const std::string effect = running == 0 ? "trying again" : "running " + jobs_at_a_time(running);
    return std::string(refused) + ": " + ipc::reason(errnum) + "; " + effect;
  }

  [[nodiscard]] static std::string jobs_at_a_time(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " job" : " jobs") + " at a time";
  }

 private:
  static constexpr unsigned kMost = 10;
  bool told_nul_ = false;
  bool told_fewer_ = false;
  unsigned told_too_long_ = 0;
};
