/// done, requeue, join, close and purge: what ends, one message or all of them.

#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "subject.hpp"
#include "verbs.hpp"

int end_lease(const Config& config) {
  const queue::Opened opened = open_durable(config, "has no leases");
  queue::FileQueue& queue = *opened.file;
  const bool there = config.verb == Verb::done ? queue.done(config.lease)
                                               : queue.give_back(config.lease, ipc::Duration::zero(), false);
  tell_damage(config, opened);
  if (there) return ipc::kExitSuccess;
  throw ipc::BadValue(config.name + ": " + queue::FileQueue::lease_text(config.lease) +
                      ": no such lease, or it has ended");
}

int join_queue(const Config& config) {
  const queue::Opened opened = open_durable(config, "does not know what is unfinished");
  const queue::Stop stop = opened.file->join(deadline_of(config), {});
  tell_damage(config, opened);
  switch (stop) {
    case queue::Stop::none: return ipc::kExitSuccess;
    case queue::Stop::removed: complain(config, "removed"); return ipc::kExitClosed;
    default: return gave_up(config);
  }
}

int close_queue(const Config& config) {
  const queue::Opened opened = open_durable(config, "cannot be closed");
  opened.file->close(config.now);
  tell_damage(config, opened);
  return ipc::kExitSuccess;
}

int purge_queue(const Config& config) {
  const queue::Opened opened = open_durable(config, "cannot be purged (see get --all)");
  (void)opened.file->purge();
  tell_damage(config, opened);
  return ipc::kExitSuccess;
}
