#include "subject.hpp"

#include <unistd.h>

#include <utility>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/io.hpp"

queue::Opened open_standing(const Config& config) {
  queue::Opened opened = queue::open_queue(config.name, nullptr, config.allow_network);
  if (!opened) throw ipc::BadValue(config.name + ": no such queue");
  return opened;
}

queue::Opened open_durable(const Config& config, const char* reason) {
  queue::Opened opened = open_standing(config);
  if (!opened.file) throw ipc::BadValue(config.name + ": a kernel queue " + reason);
  return opened;
}

void leave_to_kernel(queue::Opened&& opened) {
  if (!opened.file || opened.file->is_holder()) return;
  // It is not lost, as leak checkers should see.
  [[maybe_unused]] static const queue::Opened* volatile kept = nullptr;
  kept = new queue::Opened(std::move(opened));
}

queue::Opened open_or_make(const Config& config) {
  return queue::open_queue(config.name, &config.shape, config.allow_network);
}

void complain(const Config& config, const std::string& text) noexcept {
  ipc::complain("pqueue", config.name + ": " + text);
}

void tell_damage(const Config& config, const queue::Opened& opened) {
  if (!opened.file) return;
  for (const std::string& line : opened.file->news_of_damage()) complain(config, line);
}

std::string messages_text(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " message" : " messages");
}

ipc::Deadline deadline_of(const Config& config) {
  if (config.no_wait()) return ipc::Deadline::past();
  return config.timeout ? ipc::Deadline::after(*config.timeout) : ipc::Deadline::never();
}

int gave_up(const Config& config) noexcept { return config.no_wait() ? ipc::kExitNo : ipc::kExitTimeout; }

void print(std::string_view text) {
  const int errnum = ipc::write_all(STDOUT_FILENO, text);
  if (errnum != 0) throw ipc::Error(errnum, "", "stdout");
}
