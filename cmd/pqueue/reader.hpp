#pragma once
/// Cuts a stream into messages and hands them out in batches: what can be read now, at most 1 MiB or 1000 messages, so
/// that nothing waits for more to come, and a flood is put in large pieces.
///
/// Messages are views into the buffer they were read into, which is as large as the largest of them needs.
/// What is wrong with the input is thrown (BadValue, Error) after the messages before it have been handed out.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framing.hpp"

class Reader {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMostMessages = 1000;

  /// `fd` is borrowed, `name` is for messages. Messages longer than `longest` are an error.
  Reader(int fd, const char* name, Framing framing, std::uint64_t longest);

  /// Waits for input. Empty at the end. Valid until the next call.
  [[nodiscard]] std::span<const std::string_view> next();

  /// next() would probably not wait.
  [[nodiscard]] bool has_more_now() const noexcept { return begin_ < end_ || (!ended_ && is_readable_now()); }

  /// Called before each read that may wait, to wait for other things too: returns when there is input.
  void wait_by(void (*wait)(int fd)) noexcept { wait_ = wait; }

 private:
  struct Free {
    void operator()(char* memory) const noexcept { std::free(memory); }
  };

  /// The next message that is there as a whole.
  [[nodiscard]] std::optional<std::string_view> cut();
  [[nodiscard]] std::optional<std::string_view> cut_delimited();
  [[nodiscard]] std::optional<std::string_view> cut_counted();
  /// What is left when all has been read.
  [[nodiscard]] std::optional<std::string_view> cut_last();
  [[nodiscard]] std::uint64_t parse_length(std::string_view digits) const;

  [[nodiscard]] bool is_readable_now() const noexcept;
  /// Reads once. Returns false when that needs the room of messages that have not been handed out yet.
  [[nodiscard]] bool read_more(bool may_move);
  void make_room(std::size_t wanted);
  [[noreturn]] void refuse(const std::string& reason) const;
  [[noreturn]] void refuse_length() const;

  int fd_;
  const char* name_;
  Framing framing_;
  std::uint64_t longest_;
  void (*wait_)(int fd) = nullptr;

  std::unique_ptr<char[], Free> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;    ///< of what has not been handed out
  std::size_t scanned_ = 0;  ///< no delimiter in [begin_, scanned_)
  std::size_t end_ = 0;
  std::optional<std::uint64_t> length_;  ///< of the message at begin_, when its header has been read
  bool ended_ = false;
  std::uint64_t count_ = 0;  ///< messages so far
  std::vector<std::string_view> batch_;
};
