#include "ipc/diagnostics.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "tap.hpp"

TEST("a line with the tool in front") {
  check_equal(ipc::diagnostic("ppool", "job 1: failed"), "ppool: job 1: failed\n");
  check_equal(ipc::diagnostic("ppool", ""), "ppool: \n");
}

TEST("control bytes cannot forge a line or reach the terminal") {
  check_equal(ipc::diagnostic("t", "a\nt: b\r\x1b[31m\x7f\t\x01"), "t: a?t: b??[31m???\n");
  check_equal(ipc::diagnostic("t", std::string("a\0b", 3)), "t: a?b\n");
}

TEST("other bytes stay, as names in any encoding need") {
  std::string name;
  for (int byte = 0x80; byte < 0x100; ++byte) name += static_cast<char>(byte);
  check_equal(ipc::diagnostic("t", name), "t: " + name + '\n');
  check_equal(ipc::diagnostic("t", "\xc3\xa9t\xc3\xa9 ~"), "t: \xc3\xa9t\xc3\xa9 ~\n");
}

TEST("complain writes the line to stderr, in one write") {
  // A packet pipe keeps writes apart.
  int ends[2];
  require(::pipe2(ends, O_CLOEXEC | O_DIRECT) == 0);
  const ipc::Fd read_end(ends[0]);
  const ipc::Fd write_end(ends[1]);
  {
    const Redirect redirect(2, write_end.get());
    ipc::complain("tool", "object: reason");
    ipc::complain("tool", "again");
  }
  char block[200];
  const auto first = ipc::read_some(read_end.get(), block);
  check_equal(std::string(block, static_cast<std::size_t>(first)), "tool: object: reason\n");
  const auto second = ipc::read_some(read_end.get(), block);
  check_equal(std::string(block, static_cast<std::size_t>(second)), "tool: again\n");
}

TEST("a stderr that is closed or full is borne in silence") {
  const auto ending = in_child([] {
    ::close(2);
    ipc::complain("tool", "nobody hears this");
    if (::open("/dev/full", O_WRONLY) != 2) return 1;
    ipc::complain("tool", "nor this");
    return 0;
  });
  check_equal(ending.status(), 0);
}
