#include "results.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"
#include "ipc/io.hpp"

namespace {

constexpr std::array<const char*, kStreams> kNames{"stdout", "stderr"};

/// With those above it, where they are missing.
void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return;
  const auto slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) ipc::throw_errno("", path);
  make_directory(path.substr(0, slash));
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) ipc::throw_errno("", path);
}

}  // namespace

Results::Results(std::string directory) : directory_(std::move(directory)) {
  make_directory(directory_);
  const ipc::Fd opened = ipc::open_file(directory_, O_RDONLY | O_DIRECTORY);
  if (::faccessat(opened.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) ipc::throw_errno("", directory_);
}

std::string Results::path(const Job& job, const char* name) const {
  return directory_ + '/' + std::to_string(job.seq) + '/' + name;
}

void Results::write_file(const std::string& path, std::string_view text) const {
  const ipc::Fd file = ipc::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const int errnum = ipc::write_all(file.get(), text);
  if (errnum != 0) throw ipc::Error(errnum, "", path);
}

Results::Files Results::begin(const Job& job) const {
  make_directory(directory_ + '/' + std::to_string(job.seq));
  if (::unlink(path(job, "status").c_str()) != 0 && errno != ENOENT)
    ipc::throw_errno("", path(job, "status"));
  Files files;
  for (std::size_t i = 0; i < kStreams; ++i) {
    files.streams[i] = ipc::open_file(path(job, kNames[i]), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  }
  write_file(path(job, "args"), job.command_line + '\n');
  return files;
}

void Results::write(const Job& job, const Files& files, std::size_t stream, std::string_view bytes) const {
  const int errnum = ipc::write_all(files.streams[stream].get(), bytes);
  if (errnum != 0) throw ipc::Error(errnum, "", path(job, kNames[stream]));
}

void Results::finish(const Job& job) const {
  write_file(path(job, "status"), std::to_string(job.result.ending.status()) + '\n');
}
