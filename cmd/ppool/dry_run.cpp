#include "dry_run.hpp"

#include <poll.h>
#include <unistd.h>

#include "batch.hpp"
#include "ipc/error.hpp"
#include "ipc/io.hpp"

int dry_run(const Config& config, Launcher& launcher, Source& source, const ResumeIndex& logged) {
  ipc::SpoolStore store(0, config.tmpdir);
  Batcher batcher(source, config, launcher.fixed_bytes());
  OccurrenceCounter occurrences;
  JobInput input;
  std::string lines;
  const auto write_out = [&lines] {
    const int errnum = ipc::write_all(STDOUT_FILENO, lines);
    if (errnum != 0) throw ipc::Error(errnum, "", "stdout");
    lines.clear();
  };
  for (std::uint64_t seq = 0;;) {
    const Source::State state = batcher.next(input);
    if (state == Source::State::pending || state == Source::State::end || lines.size() >= 64 * 1024) write_out();
    if (state == Source::State::end) return ipc::kExitSuccess;
    if (state == Source::State::pending) {
      pollfd ready{source.descriptor(), POLLIN, 0};
      (void)::poll(&ready, 1, -1);
      continue;
    }
    Job job(++seq, std::move(input), store);
    job.slot = 1;
    if (!config.joblog.empty()) {
      job.key.hash = launcher.identity(job);
      job.key.occurrence = occurrences.next(job.key.hash);
      if (logged.has(job.key, !config.resume)) continue;
    }
    launcher.prepare(job);
    lines += launcher.quoted(false) + '\n';
  }
}
