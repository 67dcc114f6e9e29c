/// call and result.

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <exception>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/name.hpp"
#include "ipc/signals.hpp"
#include "reader.hpp"
#include "subject.hpp"
#include "verbs.hpp"

namespace {

using Answer = queue::FileQueue::Answer;

int wait_for_answer(const Config& config, queue::FileQueue& queue, std::uint64_t id, ipc::Deadline deadline) {
  pollfd reader{STDOUT_FILENO, 0, 0};
  const Answer answer = queue.result(id, deadline, {&reader, 1});
  const std::string what = "message " + std::to_string(id);
  switch (answer.state) {
    case Answer::State::ready:
      print(answer.bytes);
      queue.answer_was_read(id);
      return answer.status;
    case Answer::State::not_yet: return gave_up(config);
    case Answer::State::unknown: complain(config, what + ": has no answer, or it was read before"); break;
    case Answer::State::dropped:
      complain(config, what + ": was dropped and gets no answer");
      queue.answer_was_read(id);
      break;
    case Answer::State::removed: complain(config, "removed"); break;
    case Answer::State::watched: ipc::die_of_signal(SIGPIPE);
  }
  return ipc::kExitToolFailed;
}

/// MESSAGE, or all of stdin but for one newline at its end.
std::string_view message_of(const Config& config, Reader& reader) {
  if (!config.messages.empty()) return config.messages[0];
  std::string_view message = reader.next()[0];
  if (message.ends_with('\n')) message.remove_suffix(1);
  return message;
}

int call(const Config& config, queue::FileQueue& queue) {
  Reader reader(STDIN_FILENO, "stdin", {Framing::Kind::whole}, queue.max_message());
  const std::string_view message = message_of(config, reader);
  queue::PutOptions options = config.put;
  options.wants_answer = true;
  const ipc::Deadline deadline = deadline_of(config);
  const queue::PutResult put = queue.put({&message, 1}, options, deadline, {});
  switch (put.stop) {
    case queue::Stop::none: break;
    case queue::Stop::full: complain(config, "full"); return gave_up(config);
    case queue::Stop::too_large:
      throw ipc::BadValue(config.name + ": longer than " + std::to_string(queue.max_message()) + " bytes");
    default:
      complain(config, put.stop == queue::Stop::closed ? "closed" : "removed");
      return ipc::kExitToolFailed;
  }
  queue.sync();
  // -n is about room: there can be no answer yet.
  return wait_for_answer(config, queue, put.first_id, config.no_wait() ? ipc::Deadline::never() : deadline);
}

/// A status of 2 could be taken for the worker's; it is left to what can never make sense.
template <class Open, class Body>
int with_own_status(const Config& config, Open&& open, Body&& body) {
  (void)ipc::is_path(config.name);  // throws when it can be no queue's
  try {
    const queue::Opened opened = open();
    if (!opened.file) {
      complain(config, "a kernel queue keeps no answers");
      return ipc::kExitUsage;
    }
    const int status = body(*opened.file);
    tell_damage(config, opened);
    return status;
  } catch (const std::exception& error) {
    ipc::complain("pqueue", error.what());
    return ipc::kExitToolFailed;
  }
}

}  // namespace

int call_worker(const Config& config) {
  return with_own_status(
      config, [&] { return open_or_make(config); },
      [&](queue::FileQueue& queue) { return call(config, queue); });
}

int wait_for_result(const Config& config) {
  return with_own_status(
      config, [&] { return open_standing(config); },
      [&](queue::FileQueue& queue) {
        return wait_for_answer(config, queue, config.id, deadline_of(config));
      });
}
