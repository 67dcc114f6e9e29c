#pragma once
/// The file that a kernel queue is known by: its random key, and what the kernel's queue is made like.
///
/// The kernel's queue is the truth while it is there; when it has gone it is made anew from the file, by the file's
/// owner or root. The file appears with its key in it (ipc::KeyFile), and before the kernel's queue is made, so that
/// whoever is killed in between leaves what the next one goes on from. An object under the same key that neither the
/// file's owner nor root has made is somebody else's: another key is drawn. In the boot in which a queue was made in
/// another IPC namespace it is not made a second time, since those who put and those who get would never meet.
/// What it throws does not name the queue.

#include <cstdint>
#include <optional>
#include <string>

#include "ipc/key_file.hpp"
#include "ipc/message_queue.hpp"
#include "queue/shape.hpp"

namespace queue {

class KernelFile {
 public:
  /// As KernelQueue::open().
  [[nodiscard]] static std::optional<KernelFile> open(const std::string& path, const Shape* shape);
  /// As KernelQueue::remove().
  static bool remove(const std::string& path);

  [[nodiscard]] ipc::MessageQueue& queue() noexcept { return queue_; }
  [[nodiscard]] bool is_packed() const noexcept { return packed_; }
  /// Bytes that a message of the kernel may have here: a message, or a frame.
  [[nodiscard]] std::size_t room() const noexcept { return room_; }
  /// Bytes that a message may have.
  [[nodiscard]] std::size_t max_message() const noexcept { return max_message_; }

  /// Some message has been put, or is about to be, that had another priority than 0.
  [[nodiscard]] bool has_priorities() const;
  void note_priorities();

 private:
  KernelFile(std::string path, ipc::KeyFile file, ipc::MessageQueue queue);

  std::string path_;
  ipc::KeyFile file_;
  ipc::MessageQueue queue_;
  bool packed_ = false;
  std::size_t room_ = 0;
  std::size_t max_message_ = 0;
};

}  // namespace queue
