#include "dry_run.hpp"

#include <poll.h>
#include <unistd.h>

#include "intake.hpp"
#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "ipc/signals.hpp"

int dry_run(const Config& config, Launcher& launcher, Source& source, ResumeIndex logged) {
  constexpr std::size_t kFull = 64 * 1024;
  ipc::SpoolStore store(0, config.tmpdir);
  Intake intake(config, source, launcher, store, std::move(logged));
  std::string lines;
  for (;;) {
    std::unique_ptr<Job> job;
    const Source::State state = intake.next(job);
    if (state != Source::State::record || lines.size() >= kFull) {
      const int errnum = ipc::write_all(STDOUT_FILENO, lines);
      if (errnum != 0) throw ipc::Error(errnum, "", "stdout");
      lines.clear();
    }
    if (state == Source::State::end) return ipc::kExitSuccess;
    if (state == Source::State::pending) {
      pollfd ready[] = {{intake.descriptor(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
      (void)::poll(ready, 2, -1);
      if (ready[1].revents != 0) ipc::die_of_signal(SIGPIPE);
    }
    if (state != Source::State::record) continue;
    job->slot = 1;
    launcher.prepare(*job);
    lines += launcher.quoted(false) + '\n';
  }
}
