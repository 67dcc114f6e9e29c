#pragma once
/// Putting and taking in one line.

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "queue/file_queue.hpp"
#include "tap.hpp"

using Texts = std::vector<std::string>;

/// Puts them all at once; returns the id of the first.
inline std::uint64_t put(queue::Queue& queue, const Texts& texts, const queue::PutOptions& options = {},
                         tap::Here at = tap::Here::current()) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto result = queue.put(views, options, ipc::Deadline::past(), {});
  check_equal(result.count, texts.size(), "put", at);
  return result.first_id;
}

/// Puts what there is room for, until `deadline`.
/// All of them, as far as there is room by then.
inline queue::PutResult try_put(queue::Queue& queue, const Texts& texts,
                                ipc::Deadline deadline = ipc::Deadline::past()) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  queue::PutResult all;
  do {
    const auto some = queue.put(std::span(views).subspan(all.count), {}, deadline, {});
    all.count += some.count;
    all.stop = some.stop;
  } while (all.stop == queue::Stop::none && all.count < views.size());
  return all;
}

/// Late enough for whatever a test waits for.
inline ipc::Deadline soon() { return ipc::Deadline::after(std::chrono::seconds(20)); }

inline queue::PutOptions with_priority(int priority) {
  queue::PutOptions options;
  options.priority = priority;
  return options;
}
inline queue::PutOptions with_delay(ipc::Duration delay) {
  queue::PutOptions options;
  options.delay = delay;
  return options;
}

/// The messages of a batch, copied.
inline Texts texts_of(const queue::Batch& batch) {
  Texts texts;
  for (const queue::Message& message : batch.messages) texts.emplace_back(message.bytes);
  return texts;
}

/// Takes what is there now, at most `most`, and settles it.
inline Texts take(queue::Queue& queue, std::size_t most = 1000) {
  Texts texts;
  while (texts.size() < most) {
    const Texts some = texts_of(queue.take(most - texts.size(), ipc::Deadline::past(), {}));
    if (some.empty()) break;
    texts.insert(texts.end(), some.begin(), some.end());
    queue.settle(some.size());
  }
  return texts;
}

/// What peek() shows.
inline Texts seen(queue::FileQueue& queue, std::uint64_t most = 1000) {
  Texts texts;
  queue.peek(most, [&](const queue::Message& message) {
    texts.emplace_back(message.bytes);
    return true;
  });
  return texts;
}

/// "m1", "m2", ... as many as that.
inline Texts numbered(std::size_t count, const std::string& stem = "m") {
  Texts texts;
  for (std::size_t i = 1; i <= count; ++i) texts.push_back(stem + std::to_string(i));
  return texts;
}

inline void check_sound(queue::FileQueue& queue, tap::Here at = tap::Here::current()) {
  for (const std::string& finding : queue.verify()) check(false, finding, at);
  for (const std::string& news : queue.news_of_damage()) check(false, news, at);
  tap::note(true, {}, {}, at);
}
