#pragma once
/// --results: DIR/SEQ/{stdout,stderr,args,status} for each job. `status` is written last: where it is, the rest is
/// complete.

#include <array>
#include <string>
#include <string_view>

#include "ipc/fd.hpp"
#include "job.hpp"

class Results {
 public:
  /// Makes DIR where it is missing. Throws ipc::Error.
  explicit Results(std::string directory);

  /// The files of one running job.
  struct Files {
    std::array<ipc::Fd, kStreams> streams;
  };
  /// Makes the job's directory and files; of an earlier try nothing stays. Throws ipc::Error.
  [[nodiscard]] Files begin(const Job& job) const;
  /// Throws ipc::Error.
  void write(const Job& job, const Files& files, std::size_t stream, std::string_view bytes) const;
  void finish(const Job& job) const;

 private:
  [[nodiscard]] std::string path(const Job& job, const char* name) const;
  void write_file(const std::string& path, std::string_view text) const;
  std::string directory_;
};
