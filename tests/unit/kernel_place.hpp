#pragma once
/// A path for a kernel queue; whatever the kernel has under the key in its file is gone at the end.

#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "queue/kernel_queue.hpp"
#include "queue_key.hpp"
#include "scratch.hpp"
#include "tap.hpp"

inline queue::Shape kernel_shape(bool packed = false) {
  queue::Shape shape;
  shape.kernel = true;
  shape.packed = packed;
  return shape;
}

class KernelPlace {
 public:
  KernelPlace() = default;
  KernelPlace(const KernelPlace&) = delete;
  KernelPlace& operator=(const KernelPlace&) = delete;
  ~KernelPlace() { remove_queue(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool is_there() const {
    return std::filesystem::exists(std::filesystem::symlink_status(path_));
  }
  [[nodiscard]] std::string text() const {
    return std::filesystem::is_regular_file(path_) ? file_text(path_) : std::string();
  }
  void put_file(const std::string& bytes) const { (void)scratch_.file("q", bytes, 0600); }

  /// What the header says.
  [[nodiscard]] key_t key() const {
    key_t key = IPC_PRIVATE;
    const std::string all = text();
    if (all.size() >= kKeyAt + sizeof key) std::memcpy(&key, all.data() + kKeyAt, sizeof key);
    return key;
  }
  [[nodiscard]] int id() const { return key() == IPC_PRIVATE ? -1 : ::msgget(key(), 0); }
  /// As a reboot does, ipcrm(1), or the death of a maker before it has made it.
  void remove_queue() const {
    if (const int queue = id(); queue >= 0) ::msgctl(queue, IPC_RMID, nullptr);
  }

  [[nodiscard]] std::unique_ptr<queue::KernelQueue> open(
      const std::optional<queue::Shape>& shape = kernel_shape()) const {
    auto opened = queue::KernelQueue::open(path_, shape ? &*shape : nullptr);
    if (shape) require(opened != nullptr, "it is there");
    return opened;
  }

  static constexpr std::size_t kVersionAt = 12;
  static constexpr std::size_t kKeyAt = 16;

 private:
  Scratch scratch_;
  std::string path_ = scratch_ / "q";
};

/// Puts without waiting: how many of the messages.
inline std::size_t put(queue::Queue& queue, const std::vector<std::string>& messages, int priority = 0) {
  const std::vector<std::string_view> views(messages.begin(), messages.end());
  queue::PutOptions options;
  options.priority = priority;
  return queue.put(views, options, ipc::Deadline::now(), {}).count;
}

/// Takes at most `most` without waiting, and keeps them.
inline std::vector<std::string> taken(queue::Queue& queue, std::size_t most = 1000) {
  const auto& batch = queue.take(most, ipc::Deadline::now(), {});
  std::vector<std::string> messages;
  for (const auto& message : batch.messages) messages.emplace_back(message.bytes);
  queue.settle(messages.size());
  return messages;
}
