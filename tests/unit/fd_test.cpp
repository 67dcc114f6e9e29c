#include "ipc/fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "scratch.hpp"
#include "tap.hpp"

using ipc::Fd;

static_assert(!std::is_copy_constructible_v<Fd> && !std::is_copy_assignable_v<Fd>);
static_assert(std::is_nothrow_move_constructible_v<Fd> && std::is_nothrow_move_assignable_v<Fd>);

TEST("an Fd closes what it owns at its end") {
  int number = -1;
  {
    const Fd fd = ipc::open_file("/dev/null", O_RDONLY);
    number = fd.get();
    check(is_open(number));
    check(static_cast<bool>(fd));
  }
  check(!is_open(number));
  check(!Fd());
  check_equal(Fd().get(), -1);
}

TEST("moving hands the descriptor over, and closes what was there") {
  Fd one = ipc::open_file("/dev/null", O_RDONLY);
  Fd two = ipc::open_file("/dev/null", O_RDONLY);
  const int first = one.get();
  const int second = two.get();
  one = std::move(two);
  check(!is_open(first));
  check(is_open(second));
  check_equal(one.get(), second);
  check_equal(two.get(), -1);
  Fd three(std::move(one));
  check_equal(three.get(), second);
  check_equal(one.get(), -1);
  Fd& same = three;
  three = std::move(same);
  check_equal(three.get(), second, "moved to itself");
  check(is_open(second));
}

TEST("release() lets go without closing, reset() closes") {
  Fd fd = ipc::open_file("/dev/null", O_RDONLY);
  const int number = fd.release();
  check(is_open(number));
  check(!fd);
  fd.reset(number);
  check_equal(fd.get(), number);
  fd.reset();
  check(!is_open(number));
}

TEST("closing leaves errno alone") {
  Fd fd(9999);
  errno = EPIPE;
  fd.reset();
  check_equal(errno, EPIPE);
}

TEST("open_file opens close-on-exec, with the mode") {
  const Scratch scratch;
  ::umask(022);
  const Fd fd = ipc::open_file(scratch / "new", O_WRONLY | O_CREAT, 0640);
  check(closes_on_exec(fd.get()));
  struct stat status {};
  require(::fstat(fd.get(), &status) == 0);
  check_equal(status.st_mode & 0777U, 0640U);
}

TEST("open_file names the path it could not open") {
  const Scratch scratch;
  const std::string path = scratch / "none";
  try {
    const Fd fd = ipc::open_file(path, O_RDONLY);
    check(false, "it opened");
  } catch (const ipc::Error& error) {
    check_equal(error.errnum(), ENOENT);
    check_equal(std::string(error.what()), path + ": No such file or directory");
  }
}

TEST("duplicate() is the same description, close-on-exec, and no lower than asked") {
  const Scratch scratch;
  const Fd one = ipc::open_file(scratch.file("text", "abc"), O_RDONLY);
  const Fd two = ipc::duplicate(one.get(), 40);
  check(two.get() >= 40);
  check(closes_on_exec(two.get()));
  char byte = 0;
  check_equal(::read(one.get(), &byte, 1), 1);
  check_equal(::read(two.get(), &byte, 1), 1);
  check_equal(std::string(1, byte), "b", "they share the offset");
  check(ipc::duplicate(0).get() >= 3);
  check_throws<ipc::Error>([] { (void)ipc::duplicate(9999); });
}

TEST("occupied standard descriptors fail as closed ones do") {
  const auto ending = in_child([] {
    ::close(0);
    ::close(1);
    ::close(2);
    ipc::occupy_standard_descriptors();
    if (!is_open(0) || !is_open(1) || !is_open(2)) return 1;
    char byte = 'x';
    if (::read(0, &byte, 1) != -1 || errno != EBADF) return 2;
    if (::write(1, &byte, 1) != -1 || errno != EBADF) return 3;
    if (::write(2, &byte, 1) != -1 || errno != EBADF) return 4;
    return ipc::open_file("/dev/null", O_RDONLY).get() == 3 ? 0 : 5;
  });
  check_equal(ending.status(), 0);
}

TEST("open standard descriptors are left as they are") {
  const auto ending = in_child([] {
    int ends[2];
    if (::pipe(ends) != 0) return 1;
    ::dup2(ends[1], 1);
    ::close(0);
    ipc::occupy_standard_descriptors();
    char byte = 'x';
    if (::write(1, &byte, 1) != 1) return 2;
    return ::read(ends[0], &byte, 1) == 1 ? 0 : 3;
  });
  check_equal(ending.status(), 0);
}

TEST("a standard descriptor that was closed is known as occupied, and no other is") {
  for (int closed = 0; closed < 8; ++closed) {
    const auto ending = in_child([&] {
      for (int fd = 0; fd < 3; ++fd) {
        if ((closed >> fd & 1) != 0) ::close(fd);
      }
      ipc::occupy_standard_descriptors();
      for (int fd = 0; fd < 3; ++fd) {
        if (ipc::is_occupied(fd) != ((closed >> fd & 1) != 0)) return fd + 1;
      }
      return 0;
    });
    check_equal(ending.status(), 0, std::to_string(closed));
  }
}

TEST("a caller's /dev/null is its own, and so is any other file opened the wrong way round") {
  const Scratch scratch;
  const auto ending = in_child([&] {
    const std::string path = scratch.file("file");
    for (int fd = 0; fd < 3; ++fd) {
      const int right = fd == 0 ? O_RDONLY : O_WRONLY;
      const int wrong = fd == 0 ? O_WRONLY : O_RDONLY;
      ::dup2(ipc::open_file("/dev/null", right).get(), fd);
      if (ipc::is_occupied(fd)) return 1;
      ::dup2(ipc::open_file("/dev/null", O_RDWR).get(), fd);
      if (ipc::is_occupied(fd)) return 2;
      ::dup2(ipc::open_file("/dev/zero", wrong).get(), fd);
      if (ipc::is_occupied(fd)) return 3;
      ::dup2(ipc::open_file(path, wrong).get(), fd);
      if (ipc::is_occupied(fd)) return 4;
      ::close(fd);
      if (ipc::is_occupied(fd)) return 5;
      if (::open("/dev/null", wrong) != fd || !ipc::is_occupied(fd)) return 6;
    }
    return 0;
  });
  check_equal(ending.status(), 0);
}

TEST("only the standard descriptors can be occupied") {
  const Fd reading = ipc::open_file("/dev/null", O_RDONLY);
  const Fd writing = ipc::open_file("/dev/null", O_WRONLY);
  check(!ipc::is_occupied(reading.get()));
  check(!ipc::is_occupied(writing.get()));
  check(!ipc::is_occupied(-1));
  check(!ipc::is_occupied(9999));
}
