#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "actions.hpp"
#include "command.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "keeper.hpp"
#include "lock_file.hpp"
#include "obtain.hpp"
#include "report.hpp"

namespace {

using Mode = ipc::FileLock::Mode;

int run(const Config& config, Command& command, int descriptor, std::optional<ipc::FileLock>& lock) {
  Keeper keeper(config, command, descriptor);
  const int status = keeper.run();
  // Whatever COMMAND's descendants still have open.
  lock.reset();
  keeper.pass_on_death();
  return status;
}

/// COMMAND with the lock that is held or inherited.
int run_command(const Config& config, Command& command, int descriptor, std::optional<ipc::FileLock>& lock) {
  if (!config.stay) return command.become(descriptor);
  if (!command.found()) return command.complain();
  return run(config, command, descriptor, lock);
}

/// Seconds since the epoch. By a plain system call: the first call into the vDSO costs two page faults, which are more.
std::int64_t now() {
  timespec time{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
  return time.tv_sec;
}

/// Inside a command that holds it: -r.
std::optional<int> run_inside(const Config& config, Command& command, const LockFile& file) {
  const auto held = inherited_lock(file.id());
  if (!held) return std::nullopt;
  if (*held == Mode::shared && config.mode == Mode::exclusive) {
    say(config, "held shared by the command around this one, so it can never become exclusive");
    return ipc::kExitToolFailed;
  }
  std::optional<ipc::FileLock> none;
  return run_command(config, command, -1, none);
}

int run_with(const Config& config, LockFile& file) {
  Command command(config);
  if (config.recursive) {
    if (const auto status = run_inside(config, command, file)) return *status;
  }
  Obtained obtained;
  if (!config.unlock) obtained = obtain(config, file);
  if (!config.unlock && !obtained.lock) return obtained.status;
  command.bequeath({file.descriptor(), file.id(), config.mode, now()});
  return run_command(config, command, file.descriptor(), obtained.lock);
}

}  // namespace

int run_locked(const Config& config) {
  LockFile file(config);
  try {
    return run_with(config, file);
  } catch (const ipc::Error& error) {
    return failed(config, error);
  }
}
