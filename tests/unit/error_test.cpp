#include "ipc/error.hpp"

#include <cerrno>

#include "tap.hpp"

using ipc::Error;

TEST("what() is object, operation and reason") {
  check_equal(std::string(Error(ENOENT, "open", "/etc/none").what()),
              "/etc/none: open: No such file or directory");
  check_equal(std::string(Error(ENOENT, "", "/etc/none").what()), "/etc/none: No such file or directory");
  check_equal(std::string(Error(EACCES, "open", "").what()), "open: Permission denied");
  check_equal(std::string(Error(EMFILE, "", "").what()), "Too many open files");
}

TEST("an Error keeps its parts") {
  const Error error(ENOSPC, "write", "stdout");
  check_equal(error.errnum(), ENOSPC);
  check_equal(error.operation(), "write");
  check_equal(error.object(), "stdout");
}

TEST("throw_errno takes errno as it is then") {
  try {
    errno = EBADF;
    ipc::throw_errno("watch", "descriptor 7");
  } catch (const Error& error) {
    check_equal(error.errnum(), EBADF);
    check_equal(std::string(error.what()), "descriptor 7: watch: Bad file descriptor");
  }
}

TEST("BadValue and UsageError say what they were given") {
  check_equal(check_throws<ipc::BadValue>([] { throw ipc::BadValue("not a time"); }), "not a time");
  check_equal(check_throws<ipc::UsageError>([] { throw ipc::UsageError("-x: unknown option"); }),
              "-x: unknown option");
}

TEST("refuse_if() throws only when something is wrong") {
  ipc::refuse_if(false, "-x: not with -y");
  check_equal(check_throws<ipc::UsageError>([] { ipc::refuse_if(true, "-x: not with -y"); }),
              "-x: not with -y");
}

TEST("reason() knows every errno, and says so of what is none") {
  check_equal(ipc::reason(EPIPE), "Broken pipe");
  check_equal(ipc::reason(0), "Success");
  check_equal(ipc::reason(99999), "error 99999");
  check_equal(ipc::reason(-1), "error -1");
}
