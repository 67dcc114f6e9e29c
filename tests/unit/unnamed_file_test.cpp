#include "ipc/unnamed_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

TEST("a file in the directory, which shows nothing of it") {
  const Scratch scratch;
  const ipc::Fd file = ipc::make_unnamed_file(scratch.path());
  check_equal(ipc::write_all(file.get(), "text"), 0);
  ::lseek(file.get(), 0, SEEK_SET);
  check_equal(read_all(file.get()), "text");
  check(closes_on_exec(file.get()));
  struct stat status {};
  check_equal(::fstat(file.get(), &status), 0);
  check_equal(status.st_nlink, 0U);
  check_equal(status.st_mode & 07777, 0600U);
  check(std::filesystem::is_empty(scratch.path()));
}

TEST("a directory that is not there is named") {
  const std::string what = check_throws<ipc::Error>([] { (void)ipc::make_unnamed_file("/nowhere/at/all"); });
  check(what.find("/nowhere/at/all") != std::string::npos, what);
}

TEST("temporary files go to $TMPDIR, where that is of use") {
  const Scratch scratch;
  {
    const Variable tmpdir("TMPDIR", scratch.path());
    check_equal(ipc::temporary_directory(), scratch.path());
  }
  {
    const Variable tmpdir("TMPDIR", "/nowhere");
    check_equal(ipc::temporary_directory(), "/tmp");
  }
  const Variable tmpdir("TMPDIR", nullptr);
  check_equal(ipc::temporary_directory(), "/tmp");
}
