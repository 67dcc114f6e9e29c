#include "queue/walker.hpp"

#include <algorithm>
#include <cstring>

#include "ipc/crc32c.hpp"
#include "queue/segment.hpp"

namespace queue {

bool Found::is_sound() const noexcept { return ipc::crc32c(body) == head.body_crc; }

void Walker::start(int fd, std::uint64_t salt, std::uint32_t begin, std::uint32_t end, std::size_t window) {
  fd_ = fd;
  salt_ = salt;
  end_ = end;
  position_ = base_ = begin;
  loaded_ = 0;
  window_ = window;
  damaged_ = blank_ = 0;
}

/// Reads at least `bytes` from position_ on, unless the stretch or the file ends before.
bool Walker::load(std::size_t bytes) {
  const std::size_t wanted = std::min<std::size_t>(std::max(bytes, window_), end_ - position_);
  if (capacity_ < wanted) {
    buffer_.reset();
    buffer_ = std::make_unique_for_overwrite<char[]>(wanted);
    capacity_ = wanted;
  }
  base_ = position_;
  loaded_ = read_at(fd_, {buffer_.get(), wanted}, position_);
  return loaded_ >= bytes;
}

std::optional<RecordHead> Walker::head_here() const noexcept {
  auto head = decode(buffer_.get() + (position_ - base_), {salt_, position_});
  if (head && position_ + std::uint64_t{kRecordHeader} + head->length > end_) head.reset();
  return head;
}

/// To the next place where a record can begin; past zeros quickly.
void Walker::pass_over() noexcept {
  const auto is_zero = [this] {
    std::uint64_t word = 0;
    std::memcpy(&word, buffer_.get() + (position_ - base_), sizeof word);
    return word == 0;
  };
  const std::uint32_t from = position_;
  const bool zero = is_zero();
  do {
    position_ += kAlignment;
  } while (zero && is_loaded(kRecordHeader) && is_zero());
  damaged_ += position_ - from;
  blank_ = zero ? blank_ + (position_ - from) : 0;
}

std::optional<Found> Walker::next(bool may_read) {
  while (position_ < end_) {
    if (!is_loaded(kRecordHeader)) {
      if (!may_read) return std::nullopt;
      if (end_ - position_ < kRecordHeader || !load(kRecordHeader)) break;
    }
    const auto head = head_here();
    if (!head) {
      pass_over();
      continue;
    }
    const std::size_t needed = kRecordHeader + head->length;
    if (!is_loaded(needed)) {
      if (!may_read) return std::nullopt;
      // A record whose end is missing is damage like any other.
      if (!load(needed)) {
        pass_over();
        continue;
      }
    }
    Found found{position_, *head, {buffer_.get() + (position_ - base_) + kRecordHeader, head->length}};
    position_ += static_cast<std::uint32_t>(head->size());
    blank_ = 0;
    return found;
  }
  // Too little for a record, or beyond the end of the file.
  const std::uint32_t rest = end_ - std::min(position_, end_);
  damaged_ += rest;
  blank_ += rest;
  position_ = end_;
  return std::nullopt;
}

void Walker::shrink() {
  constexpr std::size_t kUsual = std::size_t{1} << 20;
  if (capacity_ <= kUsual) return;
  buffer_.reset();
  capacity_ = loaded_ = 0;
}

}  // namespace queue
