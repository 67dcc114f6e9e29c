#pragma once
/// A queue in memory that does as a test says, and notes what is done to it.

#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "queue/queue.hpp"

class FakeQueue final : public queue::Queue {
 public:
  std::deque<std::string> waiting;  ///< to be taken
  std::size_t largest_batch = 1000;
  queue::Stop when_empty = queue::Stop::empty;
  std::function<void()> while_waiting;  ///< called in the place of each wait
  std::size_t room = 1000000;           ///< for so many more
  std::size_t room_comes = 0;           ///< so much of it, whenever somebody waits for it
  std::uint64_t longest = 1000;
  bool fails_when_full = false;  ///< when there is no room at all
  std::string log;               ///< "put 2;sync;take 3;settle 3;"

  queue::PutResult put(std::span<const std::string_view> messages, const queue::PutOptions&,
                       ipc::Deadline deadline, queue::Watched) override {
    if (room == 0 && fails_when_full) throw std::runtime_error("q: no space");
    queue::PutResult result;
    result.first_id = next_id_;
    if (room == 0 && deadline != ipc::Deadline::past()) room = room_comes;
    for (const auto message : messages) {
      if (message.size() > longest) result.stop = queue::Stop::too_large;
      if (room == 0) result.stop = queue::Stop::full;
      if (result.stop != queue::Stop::none) break;
      waiting.emplace_back(message);
      ++result.count;
      ++next_id_;
      --room;
    }
    log += "put " + std::to_string(result.count) + ';';
    return result;
  }

  void sync() override { log += "sync;"; }
  void begin_sync() override { log += "begin;"; }

  const queue::Batch& take(std::size_t most, ipc::Deadline deadline, queue::Watched watched) override {
    batch_.messages.clear();
    taken_.clear();
    if (waiting.empty() && deadline != ipc::Deadline::past()) {
      log += "wait;";
      if (while_waiting) while_waiting();
      if (waiting.empty() && ::poll(watched.data(), watched.size(), 0) > 0) {
        batch_.stop = queue::Stop::watched;
        return batch_;
      }
    }
    const std::size_t count = std::min({most, largest_batch, waiting.size()});
    batch_.stop = count == 0 ? when_empty : queue::Stop::none;
    for (std::size_t i = 0; i < count; ++i) {
      taken_.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    for (const std::string& bytes : taken_) {
      queue::Message message;
      message.bytes = bytes;
      batch_.messages.push_back(message);
    }
    if (count > 0) log += "take " + std::to_string(count) + ';';
    return batch_;
  }

  using queue::Queue::settle;
  void settle(std::size_t count, queue::Then /*then*/) override {
    log += "settle " + std::to_string(count) + ';';
    for (std::size_t i = taken_.size(); i > count; --i) waiting.push_front(taken_[i - 1]);
  }

  Size size() override { return {waiting.size(), 0, room == 0}; }
  [[nodiscard]] std::uint64_t max_message() const noexcept override { return longest; }

 private:
  std::uint64_t next_id_ = 1;
  std::vector<std::string> taken_;
  queue::Batch batch_;
};
