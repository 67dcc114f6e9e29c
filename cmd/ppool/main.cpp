#include <unistd.h>

#include "config.hpp"
#include "dry_run.hpp"
#include "ipc/cli.hpp"
#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "joblog.hpp"
#include "launcher.hpp"
#include "pool.hpp"
#include "queue_source.hpp"
#include "source.hpp"

namespace {

int run(const Config& config) {
  Launcher launcher(config);
  if (launcher.command().errnum != 0) {
    ipc::complain("ppool", launcher.command_name() + ": " + ipc::reason(launcher.command().errnum));
    return launcher.command().status();
  }
  std::unique_ptr<QueueSource> queue;
  if (!config.queue.empty()) queue = std::make_unique<QueueSource>(config);
  const auto other = queue ? nullptr : make_source(config);
  Source& source = queue ? static_cast<Source&>(*queue) : *other;
  ResumeIndex logged;
  std::optional<JobLog> log;
  const bool resuming = config.resume || config.resume_failed;
  // A dry run makes no file.
  if (!config.joblog.empty() &&
      (!config.dry_run || (resuming && ::access(config.joblog.c_str(), F_OK) == 0))) {
    log.emplace(config.joblog);
  }
  if (log && resuming) logged = log->read();
  if (config.dry_run) return dry_run(config, launcher, source, std::move(logged));
  Pool pool(config, launcher, source, queue.get(), log ? &*log : nullptr, std::move(logged));
  // Not before all that can be refused has been accepted.
  if (log && resuming) log->mend();
  if (log && !resuming) log->clear();
  return pool.run();
}

}  // namespace

int main(int argc, char** argv) {
  return ipc::run_main("ppool", [&] { return run(configure(argc, argv)); });
}
