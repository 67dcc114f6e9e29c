#include "complaints.hpp"
#include "tap.hpp"

TEST("a NUL is told once") {
  Complaints complaints;
  const auto first = complaints.cannot_run(3, "", EINVAL);
  check(first.has_value());
  check(first->starts_with("job 3: the record has a NUL byte"));
  check(!complaints.cannot_run(4, "", EINVAL));
}

TEST("records that are too long are told ten times, and the last says so") {
  Complaints complaints;
  for (std::uint64_t seq = 1; seq < 10; ++seq) {
    check_equal(*complaints.cannot_run(seq, "", E2BIG),
                "job " + std::to_string(seq) + ": Argument list too long");
  }
  check_equal(*complaints.cannot_run(10, "", E2BIG),
              std::string("job 10: Argument list too long; further ones are not told"));
  check(!complaints.cannot_run(11, "", E2BIG));
}

TEST("a command that is not there is told each time, by name") {
  Complaints complaints;
  for (int i = 0; i < 20; ++i) {
    check_equal(*complaints.cannot_run(1, "nosuch", ENOENT),
                std::string("job 1: nosuch: No such file or directory"));
  }
}

TEST("that fewer run is told once, with how many, or that it is tried again") {
  Complaints complaints;
  check_equal(*complaints.fewer("fork", EAGAIN, 3),
              std::string("fork: Resource temporarily unavailable; running 3 jobs at a time"));
  check(!complaints.fewer("pipe", EMFILE, 1));
  Complaints others;
  check_equal(*others.fewer("pipe", EMFILE, 0), std::string("pipe: Too many open files; trying again"));
}
