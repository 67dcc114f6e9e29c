#include "ipc/path.hpp"

#include "tap.hpp"

using ipc::parent_directory;

TEST("the parent directory is what leads to the last part") {
  check_equal(parent_directory("a"), ".");
  check_equal(parent_directory("./a"), "./");
  check_equal(parent_directory("/a"), "/");
  check_equal(parent_directory("/tmp/a"), "/tmp/");
  check_equal(parent_directory("b/c/"), "b/c/");
  check_equal(parent_directory("x//y"), "x//");
}
