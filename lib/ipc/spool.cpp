#include "ipc/spool.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/error.hpp"
#include "ipc/unnamed_file.hpp"

namespace ipc {

bool SpoolStore::take_memory(std::size_t bytes) noexcept {
  if (bytes > memory_ - std::min(memory_, used_)) return false;
  used_ += bytes;
  return true;
}

std::uint32_t SpoolStore::take_extent() {
  if (!file_) file_ = make_unnamed_file(directory_);
  if (free_.empty()) return extents_++;
  const std::uint32_t extent = free_.back();
  free_.pop_back();
  return extent;
}

void SpoolStore::give_extent(std::uint32_t extent) noexcept {
  free_.push_back(extent);
  if (free_.size() < extents_) return;
  // Nobody uses the file: give the disk back.
  if (::ftruncate(file_.get(), 0) == 0) {
    free_.clear();
    extents_ = 0;
  }
}

void SpoolStore::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("spill file", directory_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

std::string_view SpoolStore::read(std::uint64_t offset, std::size_t count) {
  if (!window_) window_ = std::make_unique<char[]>(kExtent);
  for (;;) {
    const ssize_t n = ::pread(file_.get(), window_.get(), count, static_cast<off_t>(offset));
    if (n > 0) return {window_.get(), static_cast<std::size_t>(n)};
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;  // shorter than what was written
    throw_errno("spill file", directory_);
  }
}

Spool::Spool(Spool&& other) noexcept
    : store_(other.store_),
      size_(std::exchange(other.size_, 0)),
      chunks_(std::exchange(other.chunks_, {})),
      first_chunk_(std::exchange(other.first_chunk_, 0)),
      chunk_offset_(std::exchange(other.chunk_offset_, 0)),
      extents_(std::exchange(other.extents_, {})),
      first_extent_(std::exchange(other.first_extent_, 0)),
      file_begin_(std::exchange(other.file_begin_, 0)),
      file_end_(std::exchange(other.file_end_, 0)) {}

Spool& Spool::operator=(Spool&& other) noexcept {
  if (this != &other) {
    this->~Spool();
    new (this) Spool(std::move(other));
  }
  return *this;
}

void Spool::append(std::string_view bytes) {
  if (extents_.empty()) bytes.remove_prefix(append_to_memory(bytes));
  if (!bytes.empty()) append_to_file(bytes);
}

/// Chunks grow with the spool, from just what a small output needs to a whole extent.
std::size_t Spool::append_to_memory(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    if (chunks_.empty() || chunks_.back().size == chunks_.back().capacity) {
      const std::uint64_t wanted = std::max<std::uint64_t>({64, bytes.size() - done, size_});
      const std::size_t capacity = std::min<std::uint64_t>(wanted, SpoolStore::kExtent);
      if (!store_->take_memory(capacity)) break;
      // for_overwrite: clearing what is overwritten at once would cost as much as the copy.
      chunks_.push_back(
          {std::make_unique_for_overwrite<char[]>(capacity), static_cast<std::uint32_t>(capacity), 0});
    }
    Chunk& chunk = chunks_.back();
    const std::size_t part = std::min<std::size_t>(chunk.capacity - chunk.size, bytes.size() - done);
    std::memcpy(chunk.bytes.get() + chunk.size, bytes.data() + done, part);
    chunk.size += static_cast<std::uint32_t>(part);
    done += part;
    size_ += part;
  }
  return done;
}

void Spool::append_to_file(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::uint64_t within = file_end_ % SpoolStore::kExtent;
    if (file_end_ == extents_.size() * SpoolStore::kExtent) extents_.push_back(store_->take_extent());
    const std::size_t part = std::min<std::uint64_t>(SpoolStore::kExtent - within, bytes.size());
    store_->write(extents_.back() * std::uint64_t{SpoolStore::kExtent} + within, bytes.substr(0, part));
    file_end_ += part;
    size_ += part;
    bytes.remove_prefix(part);
  }
}

std::string_view Spool::front() {
  if (first_chunk_ < chunks_.size()) {
    const Chunk& chunk = chunks_[first_chunk_];
    return {chunk.bytes.get() + chunk_offset_, chunk.size - chunk_offset_};
  }
  if (size_ == 0) return {};
  const std::uint64_t within = file_begin_ % SpoolStore::kExtent;
  const std::size_t count = std::min<std::uint64_t>(SpoolStore::kExtent - within, file_end_ - file_begin_);
  return store_->read(extents_[first_extent_] * std::uint64_t{SpoolStore::kExtent} + within, count);
}

void Spool::pop(std::size_t count) noexcept {
  size_ -= count;
  if (size_ == 0) return clear();
  if (first_chunk_ < chunks_.size()) {
    chunk_offset_ += count;
    Chunk& chunk = chunks_[first_chunk_];
    if (chunk_offset_ < chunk.size) return;
    store_->give_memory(chunk.capacity);
    chunk = {};
    chunk_offset_ = 0;
    ++first_chunk_;
    return;
  }
  file_begin_ += count;
  if (file_begin_ % SpoolStore::kExtent == 0) store_->give_extent(extents_[first_extent_++]);
}

void Spool::clear() noexcept {
  for (; first_chunk_ < chunks_.size(); ++first_chunk_) store_->give_memory(chunks_[first_chunk_].capacity);
  for (; first_extent_ < extents_.size(); ++first_extent_) store_->give_extent(extents_[first_extent_]);
  chunks_.clear();
  extents_.clear();
  size_ = first_chunk_ = chunk_offset_ = first_extent_ = 0;
  file_begin_ = file_end_ = 0;
}

}  // namespace ipc
