#include <cstring>

#include "actions.hpp"
#include "config.hpp"
#include "ipc/cli.hpp"
#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"

namespace {

constexpr int kFlockUsage = 64;          // EX_USAGE
constexpr int kFlockBadDescriptor = 65;  // EX_DATAERR
constexpr int kFlockCannotOpen = 66;     // EX_NOINPUT

int run(const Config& config) {
  switch (config.action) {
    case Action::run: return run_locked(config);
    case Action::descriptor: return lock_descriptor(config);
    case Action::permit: return run_with_permit(config);
    case Action::list: return list_locks(config);
    default: return use_semaphore(config);
  }
}

int run_as_flock(const Config& config) {
  try {
    return run(config);
  } catch (const ipc::Error& error) {
    ipc::complain("flock", error.what());
    return config.action == Action::descriptor ? kFlockBadDescriptor : kFlockCannotOpen;
  }
}

bool is_called_flock(const char* name) {
  const char* slash = std::strrchr(name, '/');
  return std::strcmp(slash != nullptr ? slash + 1 : name, "flock") == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 0 && is_called_flock(argv[0])) {
    return ipc::run_main(
        "flock", [&] { return run_as_flock(configure_as_flock(argc, argv)); }, kFlockUsage);
  }
  return ipc::run_main("plock", [&] { return run(configure(argc, argv)); });
}
