#include "actions.hpp"
#include "command.hpp"
#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "keeper.hpp"
#include "permits.hpp"

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
      ipc::complain(config.tool(), ipc::Error(error.errnum(), error.operation(), config.lock).what());
      return ipc::kExitToolFailed;
    }
  } catch (const ipc::SemaphoreFile::Orphaned& orphaned) {
    ipc::complain(config.tool(), config.lock + ": " + orphaned.what());
    return ipc::kExitToolFailed;
  }
}
