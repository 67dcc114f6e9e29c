#include "ipc/file_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::FileLock;
using Mode = ipc::FileLock::Mode;

bool can_lock(const std::string& path, Mode mode) {
  const ipc::Fd other = ipc::open_file(path, O_RDWR);
  return FileLock::try_lock(other.get(), mode).has_value();
}

}  // namespace

TEST("an exclusive lock keeps every other description out") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  {
    const auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    check(lock.has_value());
    check(!can_lock(path, Mode::exclusive));
    check(!can_lock(path, Mode::shared));
    const auto status = in_child([&] { return can_lock(path, Mode::shared) ? 1 : 0; }).status();
    check_equal(status, 0, "from another process");
  }
  check(can_lock(path, Mode::exclusive), "it is freed at its end");
}

TEST("shared locks share, and keep exclusive ones out") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDONLY);
  const auto lock = FileLock::try_lock(file.get(), Mode::shared);
  check(lock.has_value());
  check(can_lock(path, Mode::shared));
  check(!can_lock(path, Mode::exclusive));
}

TEST("a moved lock is freed once, by its last owner") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  const ipc::Fd file = ipc::open_file(path, O_RDWR);
  std::optional<FileLock> outer;
  {
    auto inner = FileLock::try_lock(file.get(), Mode::exclusive);
    require(inner.has_value());
    outer.emplace(std::move(*inner));
  }
  check(!can_lock(path, Mode::exclusive), "the moved-from one has freed nothing");
  outer.reset();
  check(can_lock(path, Mode::exclusive));
}

TEST("the death of its holder frees it") {
  const Scratch scratch;
  const std::string path = scratch.file("lock");
  ipc::Pipe held = ipc::Pipe::create();
  Child holder([&] {
    const ipc::Fd file = ipc::open_file(path, O_RDWR);
    const auto lock = FileLock::try_lock(file.get(), Mode::exclusive);
    if (ipc::write_all(held.write_end.get(), lock ? "y" : "n") != 0) return 1;
    for (;;) ::pause();
  });
  held.write_end.reset();
  char answer = '-';
  require(::read(held.read_end.get(), &answer, 1) == 1);
  check_equal(std::string(1, answer), "y");
  check(!can_lock(path, Mode::shared));
  ::kill(holder.pid(), SIGKILL);
  check_equal(holder.wait().signal, SIGKILL);
  check(can_lock(path, Mode::exclusive));
}

TEST("no description to lock is an Error") {
  check_throws<ipc::Error>([] { (void)FileLock::try_lock(9999, Mode::exclusive); });
}
