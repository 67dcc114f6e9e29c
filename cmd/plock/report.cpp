#include "report.hpp"

#include "ipc/diagnostics.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/processes.hpp"

void say(const Config& config, const std::string& text) {
  ipc::complain(config.tool(), config.lock + ": " + text);
}

int failed(const Config& config, const ipc::Error& error) {
  ipc::complain(config.tool(), error.what());
  return config.as_flock() ? ipc::kExitNo : ipc::kExitToolFailed;
}

std::string describe(pid_t pid) {
  const std::string name = ipc::short_name_of(pid);
  return "pid " + std::to_string(pid) + (name.empty() ? name : " (" + name + ")");
}
