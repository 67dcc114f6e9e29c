#include "ipc/io.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/fd.hpp"

namespace ipc {

int write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

ssize_t read_some(int fd, std::span<char> room) noexcept {
  for (;;) {
    const ssize_t n = ::read(fd, room.data(), room.size());
    if (n >= 0 || errno != EINTR) return n;
  }
}

std::optional<std::string> read_small_file(const char* path) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  char block[4096];
  for (;;) {
    const ssize_t n = read_some(file.get(), block);
    if (n < 0) return std::nullopt;
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
  }
}

std::optional<std::vector<std::string>> names_in(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

RecordSplitter::RecordSplitter(char delimiter, std::size_t longest)
    : delimiter_(delimiter),
      longest_(std::max(longest, kBuffer)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)),
      capacity_(kBuffer) {}

std::span<char> RecordSplitter::room() {
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  // One byte more than the longest record, for its delimiter.
  if (end_ == capacity_ && capacity_ <= longest_) {
    const std::size_t larger = std::min(capacity_ * 2, longest_ + 1);
    auto buffer = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(buffer.get(), buffer_.get(), end_);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  }
  if (end_ == capacity_) {
    end_ = scanned_ = longest_;
    overlong_ = true;
  }
  return {buffer_.get() + end_, capacity_ - end_};
}

std::optional<RecordSplitter::Record> RecordSplitter::next() {
  const char* data = buffer_.get();
  const auto* found = static_cast<const char*>(std::memchr(data + scanned_, delimiter_, end_ - scanned_));
  if (found == nullptr) {
    scanned_ = end_;
    return std::nullopt;
  }
  const auto at = static_cast<std::size_t>(found - data);
  const Record record{{data + begin_, at - begin_}, std::exchange(overlong_, false)};
  begin_ = scanned_ = at + 1;
  return record;
}

std::optional<RecordSplitter::Record> RecordSplitter::last() {
  const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
  begin_ = scanned_ = end_ = 0;
  const bool overlong = std::exchange(overlong_, false);
  if (rest.empty()) return std::nullopt;
  return Record{rest, overlong};
}

}  // namespace ipc
