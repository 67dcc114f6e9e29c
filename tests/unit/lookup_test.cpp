#include "ipc/lookup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "child.hpp"
#include "ipc/fd.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::look_up;
using ipc::Lookup;

void check_found(const Lookup& found, const std::string& path, tap::Here at = tap::Here::current()) {
  check_equal(found.errnum, 0, found.path, at);
  check_equal(found.path, path, {}, at);
  check_equal(found.status(), 0, {}, at);
}

void check_missing(const Lookup& found, int errnum, int status, tap::Here at = tap::Here::current()) {
  check_equal(found.errnum, errnum, {}, at);
  check_equal(found.status(), status, {}, at);
}

}  // namespace

TEST("a name is looked for in PATH, the first one wins") {
  const Scratch one;
  const Scratch two;
  one.file("only-one", "", 0755);
  one.file("both", "", 0755);
  two.file("both", "", 0755);
  two.file("only-two", "", 0755);
  const std::string path = "/nonexistent:" + one.path() + ':' + two.path();
  check_found(look_up("only-one", path.c_str(), AT_FDCWD), one / "only-one");
  check_found(look_up("only-two", path.c_str(), AT_FDCWD), two / "only-two");
  check_found(look_up("both", path.c_str(), AT_FDCWD), one / "both");
  check_missing(look_up("none", path.c_str(), AT_FDCWD), ENOENT, 127);
}

TEST("a name with a slash is taken as it is") {
  const Scratch scratch;
  check_found(look_up(scratch.file("x", "", 0755), "", AT_FDCWD), scratch / "x");
  check_missing(look_up(scratch / "none", "/bin", AT_FDCWD), ENOENT, 127);
  check_missing(look_up(scratch / "x/y", "/bin", AT_FDCWD), ENOTDIR, 127);
  check_missing(look_up(scratch.path(), "/bin", AT_FDCWD), EISDIR, 126);
  check_missing(look_up(scratch.file("plain", "", 0644), "/bin", AT_FDCWD), EACCES, 126);
  check_missing(look_up("/dev/null", "/bin", AT_FDCWD), EACCES, 126);
}

TEST("what cannot be executed is passed over, and told when nothing better comes") {
  const Scratch one;
  const Scratch two;
  one.file("cmd", "", 0644);
  one.file("other", "", 0644);
  std::filesystem::create_directory(one / "dir");
  two.file("cmd", "", 0755);
  const std::string path = one.path() + ':' + two.path();
  check_found(look_up("cmd", path.c_str(), AT_FDCWD), two / "cmd");
  check_missing(look_up("other", path.c_str(), AT_FDCWD), EACCES, 126);
  check(look_up("dir", path.c_str(), AT_FDCWD).errnum != 0, "a directory is no command");
}

TEST("an empty element of PATH is the directory, and so is an empty PATH") {
  const Scratch scratch;
  scratch.file("here", "", 0755);
  const ipc::Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  for (const char* path : {"", ":/nonexistent", "/nonexistent:", "/nonexistent::/x"}) {
    check_found(look_up("here", path, directory.get()), "./here");
  }
  check_missing(look_up("here", "/nonexistent", directory.get()), ENOENT, 127);
}

TEST("relative paths start at the directory") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "bin");
  scratch.file("bin/tool", "", 0755);
  const ipc::Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  check_found(look_up("bin/tool", "", directory.get()), "bin/tool");
  check_found(look_up("./bin/tool", "", directory.get()), "./bin/tool");
  check_found(look_up("tool", "bin", directory.get()), "bin/tool");
  check_missing(look_up("bin/tool", "", AT_FDCWD), ENOENT, 127);
}

TEST("without PATH the system's own directories are searched") {
  const Lookup found = look_up("sh", nullptr, AT_FDCWD);
  check_equal(found.errnum, 0);
  check(found.path.ends_with("/sh"));
}

TEST("the right to execute is the caller's") {
  const Scratch scratch;
  ::chmod(scratch.path().c_str(), 0755);
  const std::string path = scratch.file("mine", "", 0700);
  check_found(look_up(path, "", AT_FDCWD), path);
  const auto ending = in_child([&] {
    if (::seteuid(65534) != 0) return 98;
    return look_up(path, "", AT_FDCWD).status();
  });
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 126);
}
