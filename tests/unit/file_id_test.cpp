#include "ipc/file_id.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "ipc/fd.hpp"
#include "scratch.hpp"
#include "tap.hpp"

using ipc::file_id;

TEST("a file is the same by every name and every descriptor, and another is not") {
  const Scratch scratch;
  const std::string path = scratch.file("a");
  const auto id = file_id(path);
  require(id.has_value());
  require(::link(path.c_str(), (scratch / "hard").c_str()) == 0);
  require(::symlink("a", (scratch / "soft").c_str()) == 0);
  check(file_id(scratch / "hard") == id);
  check(file_id(scratch / "soft") == id, "links are followed");
  check(file_id(ipc::open_file(path, O_RDONLY).get()) == id);
  check(file_id(scratch.file("b")) != id);
  check(file_id(scratch.path()).has_value(), "a directory");
}

TEST("it stays what it is without its name") {
  const Scratch scratch;
  const std::string path = scratch.file("a");
  const auto id = file_id(path);
  const ipc::Fd file = ipc::open_file(path, O_RDONLY);
  std::filesystem::remove(path);
  (void)scratch.file("a");
  check(file_id(file.get()) == id);
  check(file_id(path) != id);
}

TEST("what is not there has none, and errno says why") {
  const Scratch scratch;
  check(!file_id(scratch / "none").has_value());
  check_equal(errno, ENOENT);
  check(!file_id(9999).has_value());
  check_equal(errno, EBADF);
}
