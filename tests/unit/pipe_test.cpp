#include "ipc/pipe.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "tap.hpp"

using ipc::Pipe;

TEST("what goes in at one end comes out at the other") {
  Pipe pipe = Pipe::create();
  check_equal(ipc::write_all(pipe.write_end.get(), "hello"), 0);
  check_equal(read_present(pipe.read_end.get()), "hello");
  pipe.write_end.reset();
  check_equal(read_all(pipe.read_end.get()), "");
}

TEST("both ends close on exec and wait") {
  const Pipe pipe = Pipe::create();
  for (const ipc::Fd* end : {&pipe.read_end, &pipe.write_end}) {
    check(closes_on_exec(end->get()));
    check_equal(::fcntl(end->get(), F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST("both ends are closed with it") {
  int read_end = -1;
  int write_end = -1;
  {
    const Pipe pipe = Pipe::create();
    read_end = pipe.read_end.get();
    write_end = pipe.write_end.get();
  }
  check(!is_open(read_end));
  check(!is_open(write_end));
}

TEST("no descriptor left is an Error, and leaves nothing behind") {
#ifdef __SANITIZE_ADDRESS__
  skip("the sanitizer itself needs a descriptor to look at an exception");
#endif
  const auto ending = in_child([] {
    const int free_one = ipc::duplicate(1).get();  // closed again at once
    const rlimit limit{static_cast<rlim_t>(free_one) + 1, static_cast<rlim_t>(free_one) + 1};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
      (void)Pipe::create();
    } catch (const ipc::Error& error) {
      return error.errnum() == EMFILE && error.what() == std::string("pipe: Too many open files") &&
                     !is_open(free_one)
                 ? 0
                 : 1;
    }
    return 2;
  });
  check_equal(ending.status(), 0);
}
