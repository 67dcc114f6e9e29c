#include "actions.hpp"
#include "command.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "keeper.hpp"
#include "permits.hpp"
#include "report.hpp"

namespace {

/// plock stays, and has the permit.
int keep(const Config& config, Command& command, Permits& permits) {
  Keeper keeper(config, command, -1);
  const int status = keeper.run();
  permits.release();
  keeper.pass_on_death();
  return status;
}

int run(const Config& config, Permits& permits) {
  Command command(config);
  if (const auto status = permits.obtain(ipc::Semaphore::Keep::undo)) return *status;
  // This process turns into COMMAND and takes permit and place on the roster along.
  if (!config.stay) return command.become(-1);
  if (!command.found()) return command.complain();
  return keep(config, command, permits);
}

}  // namespace

int run_with_permit(const Config& config) {
  try {
    auto permits = Permits::open(config, true);
    try {
      return run(config, *permits);
    } catch (const ipc::Error& error) {
      return failed(config, ipc::Error(error.errnum(), error.operation(), config.lock));
    }
  } catch (const ipc::SemaphoreFile::Orphaned& orphaned) {
    say(config, orphaned.what());
    return ipc::kExitToolFailed;
  }
}
