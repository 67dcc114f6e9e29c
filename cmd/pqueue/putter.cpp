#include "putter.hpp"

#include <poll.h>
#include <unistd.h>

#include "subject.hpp"

queue::PutResult Putter::put_some(std::span<const std::string_view> messages) {
  // Who prints ids must not wait for room when nobody reads them.
  pollfd reader{STDOUT_FILENO, 0, 0};
  const queue::Watched watched(&reader, config_.print_ids ? 1 : 0);
  const queue::PutResult result = queue_.put(messages, config_.put, deadline_of(config_), watched);
  count_ += result.count;
  if (config_.print_ids) {
    for (std::uint64_t id = result.first_id; id < result.first_id + result.count; ++id)
      ids_ += std::to_string(id) + '\n';
  }
  return result;
}

queue::Stop Putter::put(std::span<const std::string_view> messages, bool more_follow) {
  queue::Stop stop = queue::Stop::none;
  try {
    while (!messages.empty()) {
      const auto result = put_some(messages);
      messages = messages.subspan(result.count);
      stop = result.stop;
      // Each message may wait for as long as -t says.
      const bool goes_on = stop == queue::Stop::full && result.count > 0 && !config_.no_wait();
      if (stop != queue::Stop::none && !goes_on) break;
    }
  } catch (...) {
    finish();
    throw;
  }
  if (more_follow && messages.empty() && !config_.print_ids) {
    queue_.begin_sync();
  } else {
    finish();
  }
  return messages.empty() ? queue::Stop::none : stop;
}

void Putter::finish() {
  if (safe_ == count_) return;
  queue_.sync();
  safe_ = count_;
  if (ids_.empty()) return;
  print(ids_);
  ids_.clear();
}
