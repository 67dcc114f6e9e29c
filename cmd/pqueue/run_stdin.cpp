#include "run_stdin.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "ipc/pipe.hpp"
#include "ipc/unnamed_file.hpp"

namespace {

/// What a pipe usually holds. It is less for a user who has very many.
constexpr std::size_t kPipe = 64 * 1024;

ipc::Fd in_pipe(std::string_view message) {
  ipc::Pipe pipe = ipc::Pipe::create();
  ::fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK);
  const ssize_t written = ::write(pipe.write_end.get(), message.data(), message.size());
  if (written != static_cast<ssize_t>(message.size())) return {};
  return std::move(pipe.read_end);
}

}  // namespace

ipc::Fd readable_message(std::string_view message) {
  if (message.size() <= kPipe) {
    if (ipc::Fd pipe = in_pipe(message)) return pipe;
  }
  const std::string directory = ipc::temporary_directory();
  ipc::Fd file = ipc::make_unnamed_file(directory);
  const int errnum = ipc::write_all(file.get(), message);
  if (errnum != 0) throw ipc::Error(errnum, "unnamed file", directory);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}
