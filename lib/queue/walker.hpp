#pragma once
/// Reads the records of a stretch of one segment in their order, past damage.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "queue/record.hpp"

namespace queue {

/// A record as it was found.
struct Found {
  std::uint32_t offset = 0;
  RecordHead head;
  std::string_view body;

  /// The body is what was put.
  [[nodiscard]] bool is_sound() const noexcept;
};

class Walker {
 public:
  Walker() = default;
  /// Begins anew with records that lie in [begin, end) of `fd`, which is borrowed. Reads `window` bytes at a time; more
  /// for a record that is larger.
  void start(int fd, std::uint64_t salt, std::uint32_t begin, std::uint32_t end, std::size_t window);

  /// The next record; nothing at the end. Views of earlier ones stay good only while this returns records that were
  /// read together: with `may_read` not set it returns nothing rather than read on. Throws ipc::Error.
  [[nodiscard]] std::optional<Found> next(bool may_read = true);

  /// Where the next record begins, as far as that is known.
  [[nodiscard]] std::uint32_t position() const noexcept { return position_; }
  [[nodiscard]] bool at_end() const noexcept { return position_ >= end_; }
  /// Bytes passed over because no record could be made out of them.
  [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_; }
  /// Of these, zeros behind the last record: where nothing may ever have been.
  [[nodiscard]] std::uint64_t blank() const noexcept { return blank_; }
  /// Lets go of a buffer that one large message made large.
  void shrink();

 private:
  [[nodiscard]] bool load(std::size_t bytes);
  [[nodiscard]] bool is_loaded(std::uint64_t bytes) const noexcept {
    return position_ + bytes <= std::uint64_t{base_} + loaded_;
  }
  [[nodiscard]] std::optional<RecordHead> head_here() const noexcept;
  void pass_over() noexcept;

  int fd_ = -1;
  std::uint64_t salt_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t position_ = 0;
  std::uint32_t base_ = 0;  ///< of what is loaded
  std::size_t loaded_ = 0;
  std::size_t window_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t blank_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
};

}  // namespace queue
