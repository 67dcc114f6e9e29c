#include "reader.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>

#include "ipc/error.hpp"
#include "ipc/io.hpp"

namespace {

/// More than any length has.
constexpr std::size_t kLongestHeader = 20;
/// Room for less is not worth a read.
constexpr std::size_t kLeastRead = 64 * 1024;

}  // namespace

Reader::Reader(int fd, const char* name, Framing framing, std::uint64_t longest)
    : fd_(fd), name_(name), framing_(framing), longest_(longest) {}

void Reader::refuse(const std::string& reason) const {
  throw ipc::BadValue(std::string(name_) + ": message " + std::to_string(count_ + 1) + ": " + reason);
}

void Reader::refuse_length() const { refuse("longer than " + std::to_string(longest_) + " bytes"); }

std::span<const std::string_view> Reader::next() {
  batch_.clear();
  if (begin_ == end_) begin_ = scanned_ = end_ = 0;
  std::size_t bytes = 0;
  try {
    while (batch_.size() < kMostMessages && bytes < kMostBytes) {
      if (const auto message = cut()) {
        batch_.push_back(*message);
        bytes += message->size();
        ++count_;
        continue;
      }
      if (ended_ || (!batch_.empty() && !is_readable_now()) || !read_more(batch_.empty())) break;
    }
  } catch (const std::exception&) {
    // It is met again by the next call.
    if (batch_.empty()) throw;
  }
  return batch_;
}

std::optional<std::string_view> Reader::cut() {
  switch (framing_.kind) {
    case Framing::Kind::delimited: return cut_delimited();
    case Framing::Kind::length: return cut_counted();
    case Framing::Kind::whole: break;
  }
  if (end_ - begin_ > longest_) refuse_length();
  return ended_ && count_ == 0 ? cut_last() : std::nullopt;
}

std::optional<std::string_view> Reader::cut_delimited() {
  const char* data = buffer_.get();
  if (scanned_ < end_) {
    const auto* found =
        static_cast<const char*>(std::memchr(data + scanned_, framing_.delimiter, end_ - scanned_));
    if (found != nullptr) {
      const auto at = static_cast<std::size_t>(found - data);
      const std::string_view message(data + begin_, at - begin_);
      if (message.size() > longest_) refuse_length();
      begin_ = scanned_ = at + 1;
      return message;
    }
    scanned_ = end_;
  }
  if (end_ - begin_ > longest_) refuse_length();
  return ended_ && begin_ < end_ ? cut_last() : std::nullopt;
}

std::optional<std::string_view> Reader::cut_last() {
  const std::string_view message(buffer_.get() + begin_, end_ - begin_);
  begin_ = scanned_ = end_;
  return message;
}

std::optional<std::string_view> Reader::cut_counted() {
  const std::string_view there(buffer_.get() + begin_, end_ - begin_);
  if (!length_) {
    const std::size_t at = there.substr(0, kLongestHeader + 1).find('\n');
    if (at == std::string_view::npos) {
      if (there.size() > kLongestHeader || (ended_ && !there.empty())) (void)parse_length(there);
      if (ended_ && !there.empty()) refuse("its length is cut short");
      return std::nullopt;
    }
    const std::uint64_t length = parse_length(there.substr(0, at));
    if (length > longest_) refuse_length();
    length_ = length;
    begin_ += at + 1;
    return cut_counted();
  }
  if (there.size() < *length_) {
    if (ended_) {
      refuse("cut short, " + std::to_string(there.size()) + " of " + std::to_string(*length_) + " bytes");
    }
    return std::nullopt;
  }
  const std::string_view message = there.substr(0, *length_);
  begin_ += message.size();
  length_.reset();
  return message;
}

std::uint64_t Reader::parse_length(std::string_view digits) const {
  std::uint64_t length = 0;
  const auto [rest, error] = std::from_chars(digits.begin(), digits.end(), length);
  if (digits.empty() || rest != digits.end() || error == std::errc::invalid_argument) {
    refuse("'" + std::string(digits.substr(0, kLongestHeader)) + "' is no length");
  }
  if (error != std::errc()) refuse_length();
  return length;
}

bool Reader::is_readable_now() const noexcept {
  pollfd ready{fd_, POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

bool Reader::read_more(bool may_move) {
  const std::uint64_t wanted = length_ ? *length_ - (end_ - begin_) : 1;
  if (capacity_ - end_ < std::max<std::uint64_t>(wanted, kLeastRead)) {
    if (!may_move) return false;
    make_room(static_cast<std::size_t>(wanted));
  }
  if (wait_ != nullptr && may_move) wait_(fd_);
  for (;;) {
    const ssize_t n = ipc::read_some(fd_, {buffer_.get() + end_, capacity_ - end_});
    if (n >= 0) {
      end_ += static_cast<std::size_t>(n);
      ended_ = n == 0;
      return true;
    }
    if (errno != EAGAIN) ipc::throw_errno("", name_);
    if (!may_move) return false;
    pollfd ready{fd_, POLLIN, 0};
    (void)::poll(&ready, 1, -1);
  }
}

void Reader::make_room(std::size_t wanted) {
  const std::size_t there = end_ - begin_;
  if (begin_ > 0) {
    if (there > 0) std::memmove(buffer_.get(), buffer_.get() + begin_, there);
    scanned_ -= std::min(begin_, scanned_);
    begin_ = 0;
    end_ = there;
  }
  const std::size_t usual = kMostBytes + kLeastRead;
  std::size_t capacity = std::max(usual, there + std::max(wanted, kLeastRead));
  // A message whose length is not known: twice as much each time.
  if (capacity > usual && !length_) capacity = std::max(capacity, there * 2);
  if (capacity <= capacity_ && (capacity_ == usual || capacity > capacity_ / 4)) return;
  // realloc() of much memory moves no bytes.
  auto* memory = static_cast<char*>(std::realloc(buffer_.get(), capacity));
  if (memory == nullptr) throw std::bad_alloc();
  static_cast<void>(buffer_.release());
  buffer_.reset(memory);
  capacity_ = capacity;
}
