#include "run_commands.hpp"

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "run_runner.hpp"

int run_commands(const Config& config, queue::FileQueue& queue) {
  Launcher launcher(config);
  if (launcher.command().errnum != 0) {
    ipc::complain("pqueue", config.command.front() + ": " + ipc::reason(launcher.command().errnum));
    return launcher.command().status();
  }
  Runner runner(config, launcher, queue);
  return runner.run();
}
