/// create, rm and list: which queues there are.

#include "ipc/diagnostics.hpp"
#include "ipc/exit_status.hpp"
#include "subject.hpp"
#include "verbs.hpp"

int create_queue(const Config& config) {
  const queue::Opened opened = queue::create_queue(config.name, config.shape, config.allow_network);
  tell_damage(config, opened);
  return ipc::kExitSuccess;
}

int remove_queue(const Config& config) {
  if (queue::remove_queue(config.name, config.force)) return ipc::kExitSuccess;
  complain(config, "in use: messages are in somebody's hands (see --force)");
  return ipc::kExitNo;
}

int list_queues(const Config&) {
  std::string text;
  int status = ipc::kExitSuccess;
  for (const queue::Listed& listed : queue::list_queues()) {
    if (!listed.problem.empty()) {
      ipc::complain("pqueue", listed.problem);
      status = ipc::kExitUsage;
    }
    text += listed.name + (listed.kernel ? "\tkernel\t" : "\tfile\t") +
            (listed.problem.empty() ? std::to_string(listed.size.messages) : "-") + '\n';
  }
  print(text);
  return status;
}
