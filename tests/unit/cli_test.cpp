#include "ipc/cli.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "ipc/options.hpp"
#include "ipc/pipe.hpp"
#include "tap.hpp"

namespace {

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

Result run(const std::function<int()>& body, int usage_status = ipc::kExitUsage) {
  ipc::Pipe out = ipc::Pipe::create();
  ipc::Pipe err = ipc::Pipe::create();
  Result result;
  {
    const Redirect one(1, out.write_end.get());
    const Redirect two(2, err.write_end.get());
    result.status = ipc::run_main("tool", body, usage_status);
  }
  result.out = read_present(out.read_end.get());
  result.err = read_present(err.read_end.get());
  return result;
}

}  // namespace

TEST("the status of the body is that of the tool, in silence") {
  for (const int status : {0, 1, 2, 124, 141}) {
    const Result result = run([status] { return status; });
    check_equal(result.status, status);
    check_equal(result.out + result.err, "");
  }
}

TEST("an Answer goes to stdout and is success") {
  const Result result = run([]() -> int { throw ipc::Answer{"the help\n"}; });
  check_equal(result.status, 0);
  check_equal(result.out, "the help\n");
  check_equal(result.err, "");
}

TEST("a usage error is a line and a hint, and 2") {
  const Result result = run([]() -> int { throw ipc::UsageError("-x: unknown option"); });
  check_equal(result.status, 2);
  check_equal(result.out, "");
  check_equal(result.err, "tool: -x: unknown option\ntry 'tool --help'\n");
}

TEST("an Error that nobody handled is a line, and 2") {
  const Result result = run([]() -> int { throw ipc::Error(ENOENT, "", "/no/file"); });
  check_equal(result.status, 2);
  check_equal(result.err, "tool: /no/file: No such file or directory\n");
}

TEST("so is any other exception") {
  const Result result = run([]() -> int { throw std::bad_alloc(); });
  check_equal(result.status, 2);
  check(result.err.starts_with("tool: "));
}

TEST("an Answer that cannot be written is told, and no success") {
  const ipc::Fd full = ipc::open_file("/dev/full", O_WRONLY);
  const ipc::Pipe err = ipc::Pipe::create();
  int status = -1;
  {
    const Redirect one(1, full.get());
    const Redirect two(2, err.write_end.get());
    status = ipc::run_main("tool", []() -> int { throw ipc::Answer{"the help\n"}; });
  }
  check_equal(status, 2);
  check_equal(read_present(err.read_end.get()), "tool: stdout: No space left on device\n");
}

TEST("an Answer to a closed stdout is told, and never lands in a file of ours") {
  const ipc::Pipe err = ipc::Pipe::create();
  const auto ending = in_child([&] {
    ::dup2(err.write_end.get(), 2);
    ::close(1);
    return ipc::run_main("tool", []() -> int {
      if (ipc::open_file("/dev/null", O_WRONLY).get() < 3) return 99;
      throw ipc::Answer{"the help\n"};
    });
  });
  check_equal(ending.status(), 2);
  check_equal(read_present(err.read_end.get()), "tool: stdout: Bad file descriptor\n");
}

TEST("the standard descriptors are open when the body begins") {
  const auto ending = in_child([] {
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    return ipc::run_main("tool", [] { return is_open(0) && is_open(1) && is_open(2) ? 0 : 1; });
  });
  check_equal(ending.status(), 0);
}

TEST("a tool may have another status for usage errors, and for what nobody handled") {
  Result result = run([]() -> int { throw ipc::UsageError("-x: unknown option"); }, 64);
  check_equal(result.status, 64);
  check_equal(result.err, "tool: -x: unknown option\ntry 'tool --help'\n");
  result = run([]() -> int { throw ipc::Error(ENOENT, "", "/no/file"); }, 64);
  check_equal(result.status, 64);
  check_equal(result.err, "tool: /no/file: No such file or directory\n");
  check_equal(run([]() -> int { throw ipc::Answer{"the help\n"}; }, 64).status, 0);
  check_equal(run([] { return 7; }, 64).status, 7);
}
