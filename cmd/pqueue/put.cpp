#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/signals.hpp"
#include "putter.hpp"
#include "reader.hpp"
#include "subject.hpp"
#include "verbs.hpp"

namespace {

/// Also ends this process when stdout, which is to get ids, has lost its reader.
void wait_for_input(int fd) {
  pollfd ready[] = {{fd, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
  while (::poll(ready, 2, -1) < 0 && errno == EINTR) {
  }
  if ((ready[1].revents & (POLLERR | POLLHUP)) != 0) ipc::die_of_signal(SIGPIPE);
}

std::string count_text(std::uint64_t count) {
  if (count == 0) return {};
  return "; " + messages_text(count) + (count == 1 ? " was put" : " were put");
}

/// Bytes that a message may have here.
std::uint64_t longest(const queue::Opened& opened) {
  const std::uint64_t bound = opened.file ? opened.file->stat().max_bytes : 0;
  const std::uint64_t most = opened.queue().max_message();
  return bound == 0 ? most : std::min(bound, most);
}

/// The status of a put that ended before its last message.
int tell_stop(const Config& config, const Putter& putter, const queue::Opened& opened, queue::Stop stop) {
  const std::string count = count_text(putter.count());
  switch (stop) {
    case queue::Stop::full: complain(config, "full" + count); return gave_up(config);
    case queue::Stop::closed: complain(config, "closed" + count); return ipc::kExitClosed;
    case queue::Stop::removed: complain(config, "removed" + count); return ipc::kExitClosed;
    case queue::Stop::too_large:
      complain(config, "message " + std::to_string(putter.count() + 1) + ": longer than " +
                           std::to_string(longest(opened)) + " bytes" + count);
      return ipc::kExitUsage;
    default: ipc::die_of_signal(SIGPIPE);
  }
}

queue::Stop put_stdin(const Config& config, Putter& putter, std::uint64_t longest) {
  Reader reader(STDIN_FILENO, "stdin", config.framing, longest);
  if (config.print_ids) reader.wait_by(wait_for_input);
  try {
    for (;;) {
      const auto messages = reader.next();
      if (messages.empty()) break;
      const auto stop = putter.put(messages, reader.has_more_now());
      if (stop != queue::Stop::none) return stop;
    }
  } catch (...) {
    putter.finish();
    throw;
  }
  putter.finish();
  return queue::Stop::none;
}

}  // namespace

int put_messages(const Config& config) {
  queue::Opened opened = open_or_make(config);
  if (opened.kernel && config.print_ids)
    throw ipc::BadValue(config.name + ": a kernel queue has no ids (-i, --reply)");
  queue::Queue& queue = opened.queue();
  Putter putter(config, queue);
  try {
    const queue::Stop stop = config.messages.empty() ? put_stdin(config, putter, queue.max_message())
                                                     : putter.put(config.messages);
    tell_damage(config, opened);
    if (stop != queue::Stop::none) return tell_stop(config, putter, opened, stop);
    leave_to_kernel(std::move(opened));
    return ipc::kExitSuccess;
  } catch (const std::exception& error) {
    tell_damage(config, opened);
    ipc::complain("pqueue", error.what() + count_text(putter.count()));
    return ipc::kExitUsage;
  }
}
