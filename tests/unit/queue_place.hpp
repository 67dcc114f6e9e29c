#pragma once
/// A durable queue in a directory of the test's own.

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>

#include "ipc/fd.hpp"
#include "queue/file_queue.hpp"
#include "queue/make_store.hpp"
#include "queue/rebuild.hpp"
#include "queue/store.hpp"
#include "scratch.hpp"

inline queue::Shape bounded(std::uint64_t messages, std::uint64_t bytes = 0) {
  queue::Shape shape;
  if (messages != 0) shape.max_messages = messages;
  if (bytes != 0) shape.max_bytes = bytes;
  return shape;
}
/// The newest first.
inline queue::Shape lifo() {
  queue::Shape shape;
  shape.lifo = true;
  return shape;
}

class QueuePlace {
 public:
  explicit QueuePlace(queue::Shape shape = {}) {
    shape.no_sync = true;
    shape.allow_network = true;
    queue::make_store(path(), shape);
  }

  [[nodiscard]] std::string path() const { return scratch_ / "q"; }
  [[nodiscard]] const Scratch& scratch() const noexcept { return scratch_; }
  [[nodiscard]] std::unique_ptr<queue::FileQueue> open() const {
    return queue::FileQueue::open(path(), nullptr, true);
  }
  /// Its tables, which can be believed.
  [[nodiscard]] std::unique_ptr<queue::Store> store() const {
    auto store = queue::Store::open(path());
    const queue::Section section(*store);
    if (!store->is_trusted()) queue::rebuild(*store, [](const std::string&) {});
    return store;
  }

  /// Somebody waits at that bell.
  [[nodiscard]] bool has_listener(const char* bell) const {
    // Who opens it so rings it, too, which wakes them in vain.
    const ipc::Fd end(::open((path() + "/" + bell).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return static_cast<bool>(end);
  }

  /// A copy of its directory, as cp -a makes it; returns the path.
  [[nodiscard]] std::string copy(const std::string& name = "copy") const {
    namespace fs = std::filesystem;
    const std::string to = scratch_ / name;
    fs::create_directories(to + "/answers");
    for (const auto& entry : fs::recursive_directory_iterator(path())) {
      const std::string target = to + entry.path().string().substr(path().size());
      if (entry.is_fifo()) ::mkfifo(target.c_str(), 0600);
      if (entry.is_regular_file()) fs::copy_file(entry.path(), target);
    }
    return to;
  }
  [[nodiscard]] std::unique_ptr<queue::FileQueue> open_copy(const std::string& name = "copy") const {
    return queue::FileQueue::open(copy(name), nullptr, true);
  }

 private:
  Scratch scratch_;
};
