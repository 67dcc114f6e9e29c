#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "delivery.hpp"
#include "getter.hpp"
#include "held_signals.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/signals.hpp"
#include "run_commands.hpp"
#include "subject.hpp"
#include "verbs.hpp"

namespace {

[[noreturn]] void refuse(const Config& config, const char* text) {
  throw ipc::BadValue(config.name + ": a kernel queue " + text);
}

void check_kernel(const Config& config, queue::KernelQueue& queue) {
  if (!config.command.empty()) refuse(config, "cannot take back what a COMMAND failed with");
  if (config.lease_time) refuse(config, "has no leases");
  if (!config.follow && !config.all && queue.is_packed())
    refuse(config, "that is packed can only be read with -f or --all");
}

std::uint64_t limit_of(const Config& config, const queue::Opened& opened) {
  if (config.count) return *config.count;
  // What is put from now on is not there now. At least one try tells closed from empty.
  if (config.all && opened.file) return std::max<std::uint64_t>(opened.file->size().messages, 1);
  return config.all || config.follow ? std::numeric_limits<std::uint64_t>::max() : 1;
}

int print_messages(const Config& config, queue::Opened&& queue, Interruption& interruption) {
  HeldSignals signals;
  Delivery delivery(STDOUT_FILENO, config.framing, signals);
  // What it may look at while it waits, it does not outlive; and it is gone when a signal that was held acts.
  queue::Opened opened = std::move(queue);
  const std::uint64_t most = limit_of(config, opened);
  // Who prints much looks for signals all the time.
  if (most > 1) (void)signals.descriptor();
  Getter getter(config, delivery, [&] { tell_damage(config, opened); });
  const int status = config.lease_time ? getter.lend(*opened.file, most) : getter.run(opened.queue(), most);
  // Also what was met by a last look that found nothing.
  tell_damage(config, opened);
  interruption = delivery.interruption();
  if (status == ipc::kExitSuccess && !interruption) leave_to_kernel(std::move(opened));
  return status;
}

}  // namespace

int get_messages(const Config& config) {
  const bool makes = !config.no_wait() && !config.all;
  queue::Opened opened =
      queue::open_queue(config.name, makes ? &config.shape : nullptr, config.allow_network);
  if (!opened) return ipc::kExitNo;
  if (opened.kernel) check_kernel(config, *opened.kernel);
  if (!config.command.empty()) return run_commands(config, *opened.file);
  Interruption interruption;
  const int status = print_messages(config, std::move(opened), interruption);
  if (interruption.signal != 0) ipc::die_of_signal(interruption.signal);
  if (interruption.errnum != 0) throw ipc::Error(interruption.errnum, "", "stdout");
  return status;
}
