#include "run_launcher.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

namespace {

ipc::Lookup find(const char* word) { return ipc::look_up(word, std::getenv("PATH"), AT_FDCWD); }

}  // namespace

Launcher::Launcher(const Config& config)
    : words_(config.command, config.on_stdin),
      environment_(config.name),
      null_(ipc::open_file("/dev/null", O_RDONLY)) {
  if (!words_.command_varies()) command_ = find(config.command.front().c_str());
}

int Launcher::prepare(const queue::Message& message, queue::Lease lease) {
  words_.expand(message.bytes, arguments_);
  environment_.set_message(message.id, message.attempt, queue::FileQueue::lease_text(lease));
  if (arguments_.has_nul()) return EINVAL;
  return arguments_.has_overlong() ? E2BIG : 0;
}

ipc::Spawned Launcher::start(Streams streams, std::atomic<pid_t>& announcement,
                             const ipc::SignalQueue& signals) {
  const ipc::Lookup varying = command_varies() ? find(arguments_.word(0)) : ipc::Lookup{};
  if (varying.errnum != 0) return {{}, ipc::Spawned::Step::exec, varying.errnum};
  ipc::SpawnPlan plan;
  plan.path = command_varies() ? varying.path.c_str() : command_.path.c_str();
  plan.argv = arguments_.argv();
  plan.envp = environment_.envp();
  plan.standard[0] = streams.in >= 0 ? streams.in : null_.get();
  plan.standard[1] = streams.out;
  plan.standard[2] = streams.err;
  plan.open_files = open_files_ ? &*open_files_ : nullptr;
  plan.mask = &signals.inherited_mask();
  plan.ignore_child_signal = signals.child_signal_was_ignored();
  plan.announcement = &announcement;
  ipc::Spawned spawned = ipc::spawn(plan);
  if (spawned.failed != ipc::Spawned::Step::none) announcement.store(0);
  return spawned;
}
