#include <sys/stat.h>

#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "run_stdin.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

bool is_pipe(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

TEST("a message of up to 64 KiB is in a pipe, whole, and then the pipe ends") {
  for (const std::size_t size : {0U, 1U, 4096U, 65535U, 65536U}) {
    const std::string message(size, 'm');
    const ipc::Fd fd = readable_message(message);
    check(is_pipe(fd.get()), std::to_string(size));
    check(read_all(fd.get()) == message, std::to_string(size));
    check(closes_on_exec(fd.get()));
  }
}

TEST("reading it waits as from any pipe: the descriptor itself is not made non-blocking") {
  const ipc::Fd fd = readable_message("m");
  check_equal(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST("a larger one is in a file that has no name, and is read from its beginning") {
  const Scratch scratch;
  const Variable directory("TMPDIR", scratch.path());
  std::string message(65537, 'm');
  message.front() = 'a';
  message.back() = 'z';
  const ipc::Fd fd = readable_message(message);
  struct stat status {};
  check_equal(::fstat(fd.get(), &status), 0);
  check(S_ISREG(status.st_mode));
  check_equal(status.st_nlink, 0U);
  check(closes_on_exec(fd.get()));
  check(read_all(fd.get()) == message);
}

TEST("any bytes") {
  const std::string_view bytes("\0\n\xff\0", 4);
  check_equal(read_all(readable_message(bytes).get()), std::string(bytes));
}
