/// syncer.hpp: fdatasync in the background, and what became of it.

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "queue/syncer.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using queue::Syncer;

Syncer::Job job_of(std::uint32_t number, ipc::Fd file) {
  Syncer::Job job;
  job.segments = {number};
  job.files.push_back(std::move(file));
  return job;
}

/// What cannot be synced.
ipc::Fd some_pipe() { return std::move(ipc::Pipe::create().read_end); }

}  // namespace

TEST("a job that was begun comes back, with what it was about") {
  const Scratch scratch;
  Syncer syncer;
  check(!syncer.has_begun());
  for (std::uint32_t number = 1; number <= 100; ++number) {
    syncer.begin(job_of(number, ipc::open_file(scratch.file("file"), O_RDWR)));
    check(syncer.has_begun());
    const Syncer::Job job = syncer.end();
    check(!syncer.has_begun());
    check_equal(job.errnum, 0);
    check(job.segments == std::set<std::uint32_t>{number});
  }
}

TEST("what went wrong comes back with it, and only once") {
  const Scratch scratch;
  Syncer syncer;
  syncer.begin(job_of(1, some_pipe()));
  check_equal(syncer.end().errnum, EINVAL);
  syncer.begin(job_of(2, ipc::open_file(scratch.file("file"), O_RDWR)));
  check_equal(syncer.end().errnum, 0);
}

TEST("one file that fails among several, and a directory that does") {
  const Scratch scratch;
  Syncer::Job job = job_of(1, some_pipe());
  job.files.push_back(ipc::open_file(scratch.file("file"), O_RDWR));
  Syncer::run(job);
  check_equal(job.errnum, EINVAL);
  Syncer::Job entries = job_of(2, ipc::open_file(scratch.file("file"), O_RDWR));
  entries.directory = some_pipe();
  Syncer::run(entries);
  check_equal(entries.errnum, EINVAL);
}

TEST("it ends while a job is under way, and without one") {
  const Scratch scratch;
  for (int turn = 0; turn < 100; ++turn) {
    Syncer unused;
    Syncer syncer;
    syncer.begin(job_of(1, ipc::open_file(scratch.file("file"), O_RDWR)));
  }
}
