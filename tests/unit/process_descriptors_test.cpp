/// ipc/process.hpp again: which descriptors a child gets.

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "child.hpp"
#include "command.hpp"
#include "descriptors.hpp"
#include "ipc/file_lock.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

/// Prints the numbers of the open descriptors below 100.
constexpr const char* kList =
    "fd=0; while [ $fd -lt 100 ]; do [ -e /proc/self/fd/$fd ] && printf '%s ' $fd; fd=$((fd + 1)); done";

/// Whatever the test program itself was started with stays here.
void keep_own_descriptors() {
  for (int fd = 3; fd < 100; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// At exactly `number`; close-on-exec or as a caller hands descriptors on.
ipc::Fd open_at(int number, bool closes, const std::string& path = "/dev/null") {
  ipc::Fd fd = ipc::duplicate(ipc::open_file(path, O_RDWR).get(), number);
  require(fd.get() == number, "the number is free");
  if (!closes) ::fcntl(number, F_SETFD, 0);
  return fd;
}

}  // namespace

TEST("one more descriptor is lent under its own number, and nothing else") {
  const ipc::Fd ours = open_at(40, true);
  const ipc::Fd caller = open_at(41, false);
  const ipc::Fd lent = open_at(42, true);
  check_equal(output_of(kList, [&](ipc::SpawnPlan& plan) { plan.lent = lent.get(); }), "0 1 2 42 ");
  check(closes_on_exec(lent.get()), "here it is as before");
  check(!closes_on_exec(caller.get()), "and so is the caller's");
}

TEST("what the caller has open goes along where that is asked, what is ours never does") {
  keep_own_descriptors();
  const ipc::Fd ours = open_at(40, true);
  const ipc::Fd caller = open_at(41, false);
  const ipc::Fd lent = open_at(42, true);
  const auto pass = [](ipc::SpawnPlan& plan) { plan.pass_others = true; };
  check_equal(output_of(kList, pass), "0 1 2 41 ");
  check_equal(output_of(kList,
                        [&](ipc::SpawnPlan& plan) {
                          plan.pass_others = true;
                          plan.lent = lent.get();
                        }),
              "0 1 2 41 42 ");
  check(closes_on_exec(ours.get()) && closes_on_exec(lent.get()));
}

TEST("a lent descriptor is the same description: its offset, and the lock on it") {
  const Scratch scratch;
  const std::string path = scratch.file("text", "first\nsecond\nthird\n");
  const ipc::Fd lent = open_at(43, true, path);
  char line[6];
  require(::read(lent.get(), line, sizeof line) == sizeof line);
  const auto lend = [&](ipc::SpawnPlan& plan) { plan.lent = lent.get(); };
  check_equal(output_of(std::vector<std::string>{"/bin/bash", "-c", "head -c 7 <&43"}, lend), "second\n");
  check_equal(::lseek(lent.get(), 0, SEEK_CUR), 13);

  auto lock = ipc::FileLock::try_lock(lent.get(), ipc::FileLock::Mode::exclusive);
  require(lock.has_value());
  lock->abandon();
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  Command command({"/bin/sh", "-c", "read line"});
  ipc::Pipe gate = ipc::Pipe::create();
  command.plan.standard[0] = gate.read_end.get();
  command.plan.lent = lent.get();
  ipc::Spawned spawned = ipc::spawn(command.plan);
  require(spawned.failed == ipc::Spawned::Step::none);
  const int copy = ::dup2(other.get(), 43);  // ours is closed: the child has the last one
  require(copy == 43);
  check(!ipc::FileLock::try_lock(other.get(), ipc::FileLock::Mode::shared).has_value());
  gate.write_end.reset();
  (void)end_of(spawned.process);
  check(ipc::FileLock::try_lock(other.get(), ipc::FileLock::Mode::shared).has_value());
}

TEST("the standard descriptors are placed all the same") {
  const Scratch scratch;
  const std::string path = scratch.file("in", "from the file\n");
  const ipc::Fd lent = open_at(44, true, path);
  const auto text = output_of("cat", [&](ipc::SpawnPlan& plan) {
    plan.pass_others = true;
    plan.lent = lent.get();
    plan.standard[0] = lent.get();
  });
  check_equal(text, "from the file\n");
}

TEST("a descriptor that is no good to lend hinders nothing") {
  check_equal(output_of(kList, [](ipc::SpawnPlan& plan) { plan.lent = 99; }), "0 1 2 ");
}
