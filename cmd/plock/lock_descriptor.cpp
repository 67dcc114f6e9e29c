#include "actions.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/file_lock.hpp"
#include "ipc/lock_table.hpp"
#include "lock_file.hpp"
#include "obtain.hpp"
#include "report.hpp"

namespace {

using Mode = ipc::FileLock::Mode;

/// A shared lock that could not become exclusive is gone by then: the kernel frees it first (flock(2)).
void restore_shared(const Config& config) {
  if (auto lock = ipc::FileLock::try_lock(config.descriptor, Mode::shared)) return lock->abandon();
  say(config, "the shared lock that it had is lost");
}

}  // namespace

int lock_descriptor(const Config& config) {
  LockFile file(config);
  if (config.unlock) {
    ipc::FileLock::unlock(config.descriptor);
    return ipc::kExitSuccess;
  }
  const bool converts = config.mode == Mode::exclusive && ipc::lock_on(config.descriptor) == Mode::shared;
  try {
    auto obtained = obtain(config, file);
    if (obtained.lock) {
      obtained.lock->abandon();
    } else if (converts) {
      restore_shared(config);
    }
    return obtained.status;
  } catch (const ipc::Error& error) {
    return failed(config, error);
  }
}
