#pragma once
/// From NAMEs to queues: where each kind lies, and which kind a NAME is.
/// A durable queue is a directory, NAME.queue in the state directory (it must survive a reboot); a kernel queue is known
/// by a small file, NAME.mq in the runtime directory. A NAME that is a path is the directory or the file itself.
/// One NAME is one queue: a NAME that is found to be both is refused by all.
///
/// What these throw names the queue in its text: ipc::BadValue (a bad name, no queue, what contradicts the one that
/// stands) and ipc::Error.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "queue/file_queue.hpp"
#include "queue/kernel_queue.hpp"

namespace queue {

/// One of the two.
struct Opened {
  std::unique_ptr<FileQueue> file;
  std::unique_ptr<KernelQueue> kernel;

  [[nodiscard]] explicit operator bool() const noexcept { return file || kernel; }
  [[nodiscard]] Queue& queue() const noexcept {
    if (file) return *file;
    return *kernel;
  }
};

/// Opens the queue called `name`. When there is none it is made from `shape`, or nothing is returned where `shape` is
/// null. One that stands may be of either kind, unless `shape` says that it is a kernel queue.
[[nodiscard]] Opened open_queue(std::string_view name, const Shape* shape, bool allow_network);

/// The same for those who say which kind they mean: one of the other kind contradicts `shape`.
[[nodiscard]] Opened create_queue(std::string_view name, const Shape& shape, bool allow_network);

/// What `list` shows.
struct Listed {
  std::string name;
  bool kernel = false;
  Queue::Size size;
  std::string problem;  ///< why it cannot be opened; empty when it can
};
/// Every queue that has a plain name, sorted.
[[nodiscard]] std::vector<Listed> list_queues();

/// Removes the queue called `name`: false when it is in use and `force` is not set. Throws ipc::BadValue when there is
/// none.
[[nodiscard]] bool remove_queue(std::string_view name, bool force);

}  // namespace queue
