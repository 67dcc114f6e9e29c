#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "child.hpp"
#include "ipc/error.hpp"
#include "results.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

ipc::SpoolStore store(0, "/nonexistent");

Job job_of(std::uint64_t seq, int code = 0, int signal = 0) {
  Job job(seq, {{"x"}, Unfit::no}, store);
  job.command_line = "cmd 'a b'";
  job.result.ending = {code, signal};
  return job;
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

TEST("a directory a job, with what it wrote and how it ended") {
  const Scratch scratch;
  const Results results(scratch / "out");
  const Job job = job_of(12, 3);
  {
    const Results::Files files = results.begin(job);
    results.write(job, files, 0, "first ");
    results.write(job, files, 1, "error");
    results.write(job, files, 0, std::string("second\0\n", 8));
  }
  check(!exists(scratch / "out/12/status"), "not before it has ended");
  results.finish(job);
  check_equal(file_text(scratch / "out/12/stdout"), std::string("first second\0\n", 14));
  check_equal(file_text(scratch / "out/12/stderr"), "error");
  check_equal(file_text(scratch / "out/12/args"), "cmd 'a b'\n");
  check_equal(file_text(scratch / "out/12/status"), "3\n");
}

TEST("a job that wrote nothing has empty files; a signal is 128 and its number") {
  const Scratch scratch;
  const Results results(scratch / "out");
  const Job job = job_of(1, 0, 9);
  (void)results.begin(job);
  results.finish(job);
  check(exists(scratch / "out/1/stdout") && file_text(scratch / "out/1/stdout").empty());
  check(exists(scratch / "out/1/stderr") && file_text(scratch / "out/1/stderr").empty());
  check_equal(file_text(scratch / "out/1/status"), "137\n");
}

TEST("of an earlier try, or an earlier run, nothing stays") {
  const Scratch scratch;
  const Results results(scratch / "out");
  const Job job = job_of(1, 7);
  {
    const auto files = results.begin(job);
    results.write(job, files, 0, "a long text of the first try");
    results.write(job, files, 1, "and its errors");
  }
  results.finish(job);
  const Results again(scratch / "out");
  {
    const auto files = again.begin(job);
    check(!exists(scratch / "out/1/status"));
    again.write(job, files, 0, "short");
  }
  check_equal(file_text(scratch / "out/1/stdout"), "short");
  check_equal(file_text(scratch / "out/1/stderr"), "");
}

TEST("the files close on exec") {
  const Scratch scratch;
  const Results results(scratch / "out");
  const auto files = results.begin(job_of(1));
  for (const auto& file : files.streams) check((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST("a directory that cannot be made or used is told before anything starts") {
  const Scratch scratch;
  check_throws<ipc::Error>([&] { const Results results(scratch.file("file") + "/out"); });
  const auto ending = in_child([&] {
    if (::setresuid(65534, 65534, 65534) != 0) return 98;
    try {
      const Results results("/proc");
    } catch (const ipc::Error& error) {
      return error.errnum() == EACCES ? 0 : 1;
    }
    return 2;
  });
  if (ending.code != 98) check_equal(ending.status(), 0);
}

TEST("the directories above it are made, too") {
  const Scratch scratch;
  for (const char* path : {"a/b/c", "d//e/", "f/"}) {
    const Results results(scratch / path);
    (void)results.begin(job_of(1));
    check(exists(scratch / path + "/1/args"), path);
  }
}

TEST("a file in the place of the directory is refused") {
  const Scratch scratch;
  for (const int mode : {0644, 0755}) {
    const std::string path = scratch.file("file", "text", mode);
    check_equal(check_throws<ipc::Error>([&] { const Results results(path); }), path + ": Not a directory");
    check_equal(file_text(path), "text");
  }
}

TEST("a write that fails names its file") {
  const Scratch scratch;
  const Results results(scratch / "out");
  const Job job = job_of(5);
  Results::Files files = results.begin(job);
  files.streams[1] = ipc::open_file("/dev/full", O_WRONLY);
  check_equal(check_throws<ipc::Error>([&] { results.write(job, files, 1, "x"); }),
              scratch / "out/5/stderr" + ": No space left on device");
}
