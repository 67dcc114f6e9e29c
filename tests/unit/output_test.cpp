#include "ipc/output.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using Condition = ipc::Output::Condition;

ipc::SpoolStore store(64 << 20, "/tmp");

std::string text_of(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + '\n';
  text.resize(size);
  return text;
}

ipc::Spool spool_of(std::string_view text) {
  ipc::Spool spool(store);
  spool.append(text);
  return spool;
}

/// Reads and flushes in turns until nothing waits any more.
std::string drained(ipc::Output& output, int fd) {
  std::string text;
  for (int rounds = 0; output.blocked() && rounds < 10'000; ++rounds) {
    text += read_present(fd);
    output.flush();
  }
  return text + read_present(fd);
}

/// Writes more than `write_fd` takes, and looks at it from all sides while `read_fd` is read.
void check_full(int write_fd, int read_fd) {
  const std::size_t memory = store.memory_in_use();
  const std::string first = text_of(3'000'000);
  ipc::Output output(write_fd, "stdout", store);
  output.write(first);
  check(output.blocked());
  check(output.congested());
  check_equal(output.accepted(), first.size());
  check(output.written() < first.size());
  output.flush();
  output.flush();
  output.write(spool_of("spool "));
  output.write("text ");
  output.write(ipc::Spool(store));
  output.write("");
  output.write(spool_of("end"));
  check_equal(output.accepted(), first.size() + 14);
  check(output.condition() == Condition::fine);
  check(drained(output, read_fd) == first + "spool text end");
  check(!output.blocked());
  check(!output.congested());
  check_equal(output.written(), output.accepted());
  check_equal(store.memory_in_use(), memory, "nothing is held any more");
  output.write("again");
  check_equal(read_present(read_fd), "again");
}

}  // namespace

TEST("a regular file is simply written") {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("out"), O_WRONLY | O_APPEND);
  ipc::Output output(file.get(), "stdout", store);
  const std::string text = text_of(1'000'000);
  output.write(text);
  output.write(spool_of("end"));
  check(!output.blocked());
  check_equal(output.written(), text.size() + 3);
  check(file_text(scratch / "out") == text + "end");
  check(!output.is_terminal());
  check_equal(std::string(output.name()), "stdout");
}

TEST("the offset of a file is shared, as with jobs that write to it themselves") {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("out"), O_WRONLY);
  ipc::Output output(file.get(), "stdout", store);
  output.write("one ");
  check_equal(ipc::write_all(file.get(), "two "), 0);
  output.write("three");
  check_equal(file_text(scratch / "out"), "one two three");
}

TEST("a full pipe makes nothing wait, and gets everything in order") {
  const ipc::Pipe pipe = ipc::Pipe::create();
  check_full(pipe.write_end.get(), pipe.read_end.get());
}

TEST("the flags of the pipe that others share are left alone") {
  const ipc::Pipe pipe = ipc::Pipe::create();
  ipc::Output output(pipe.write_end.get(), "stdout", store);
  (void)fill(pipe.write_end.get());
  output.write("x");
  check(output.blocked());
  check_equal(::fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST("a full socket likewise") {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const ipc::Fd one(ends[0]);
  const ipc::Fd other(ends[1]);
  check_full(one.get(), other.get());
  check_equal(::fcntl(one.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST("a full pipe that cannot be opened again makes nothing wait either") {
  // It belongs to another user, who may use the descriptor but not open the pipe.
  if (::geteuid() != 0) skip("needs root");
  const auto ending = in_child([] {
    const ipc::Pipe pipe = ipc::Pipe::create();
    if (::setresuid(65534, 65534, 65534) != 0) return 98;
    if (::open(("/proc/self/fd/" + std::to_string(pipe.write_end.get())).c_str(), O_WRONLY) != -1) return 97;
    ipc::Output output(pipe.write_end.get(), "stdout", store);
    if (output.descriptor() != pipe.write_end.get()) return 1;
    const std::string text = text_of(300'000);
    output.write(text);
    if (!output.blocked()) return 2;
    output.write("end");
    return drained(output, pipe.read_end.get()) == text + "end" && !output.blocked() ? 0 : 3;
  });
  if (ending.code > 90) skip("the pipe can be opened by others here");
  check_equal(ending.status(), 0);
}

TEST("a reader that is gone is told, and nothing more is kept for it") {
  ::signal(SIGPIPE, SIG_IGN);
  for (const bool full : {false, true}) {
    ipc::Pipe pipe = ipc::Pipe::create();
    ipc::Output output(pipe.write_end.get(), "stdout", store);
    if (full) output.write(text_of(200'000));
    check_equal(output.blocked(), full);
    pipe.read_end.reset();
    if (full) {
      output.flush();
    } else {
      output.write("x");
    }
    check(output.condition() == Condition::reader_gone);
    check_equal(output.errnum(), EPIPE);
    check(!output.blocked());
    output.write("more");
    output.write(spool_of("more"));
    output.flush();
    check(!output.blocked());
  }
  check_equal(store.memory_in_use(), 0U);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST("a socket whose peer is gone is the same, without SIGPIPE") {
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const ipc::Fd one(ends[0]);
  ::close(ends[1]);
  ipc::Output output(one.get(), "stdout", store);
  output.write("x");
  check(output.condition() == Condition::reader_gone);
}

TEST("a full disk and a closed descriptor are failures") {
  const ipc::Fd full = ipc::open_file("/dev/full", O_WRONLY);
  ipc::Output output(full.get(), "stdout", store);
  output.write("x");
  check(output.condition() == Condition::failed);
  check_equal(output.errnum(), ENOSPC);
  ipc::Output closed(9999, "stdout", store);
  closed.write("x");
  check(closed.condition() == Condition::failed);
  check_equal(closed.errnum(), EBADF);
}

TEST("nothing to write is nothing, even to a reader that is gone") {
  ipc::Pipe pipe = ipc::Pipe::create();
  pipe.read_end.reset();
  ipc::Output output(pipe.write_end.get(), "stdout", store);
  output.write("");
  output.write(ipc::Spool(store));
  output.flush();
  check(output.condition() == Condition::fine);
}

TEST("congestion begins past a mebibyte") {
  const ipc::Pipe pipe = ipc::Pipe::create();
  (void)fill(pipe.write_end.get());
  ipc::Output output(pipe.write_end.get(), "stdout", store);
  output.write(std::string(1 << 20, 'x'));
  check(output.blocked());
  check(!output.congested());
  output.write("x");
  check(output.congested());
}

TEST("descriptors that lead to one file") {
  const Scratch scratch;
  const ipc::Fd one = ipc::open_file(scratch.file("a"), O_RDWR);
  const ipc::Fd same = ipc::open_file(scratch / "a", O_RDWR);
  const ipc::Fd other = ipc::open_file(scratch.file("b"), O_RDWR);
  const ipc::Fd copy = ipc::duplicate(other.get());
  check(ipc::same_file(one.get(), same.get()));
  check(ipc::same_file(other.get(), copy.get()));
  check(!ipc::same_file(one.get(), other.get()));
  check(!ipc::same_file(one.get(), 9999));
  check(!ipc::same_file(9999, 9999));
}
