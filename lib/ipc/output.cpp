#include "ipc/output.hpp"

#include <cerrno>

#include "ipc/file_id.hpp"

namespace ipc {

Output::Output(int fd, const char* name, SpoolStore& store) : sink_(fd), name_(name), store_(store) {}

std::size_t Output::write_some(std::string_view bytes) {
  const std::size_t n = sink_.write_some(bytes);
  if (sink_.errnum() != 0) {
    condition_ = sink_.errnum() == EPIPE ? Condition::reader_gone : Condition::failed;
    pending_.clear();
  }
  return n;
}

void Output::write(std::string_view bytes) {
  if (condition_ != Condition::fine || bytes.empty()) return;
  accepted_ += bytes.size();
  while (pending_.empty() && !bytes.empty()) {
    const std::size_t n = write_some(bytes);
    if (condition_ != Condition::fine) return;
    if (n == 0) break;
    written_ += n;
    bytes.remove_prefix(n);
  }
  if (bytes.empty()) return;
  if (pending_.empty()) pending_.emplace_back(store_);
  pending_.back().append(bytes);
}

void Output::write(Spool&& bytes) {
  if (condition_ != Condition::fine || bytes.empty()) return;
  accepted_ += bytes.size();
  pending_.push_back(std::move(bytes));
  if (pending_.size() == 1) flush();
}

void Output::flush() {
  while (!pending_.empty()) {
    Spool& first = pending_.front();
    while (!first.empty()) {
      const std::size_t n = write_some(first.front());
      if (n == 0) return;
      written_ += n;
      first.pop(n);
    }
    pending_.pop_front();
  }
}

bool same_file(int one, int other) {
  const auto id = file_id(one);
  return id && id == file_id(other);
}

}  // namespace ipc
