#pragma once
/// Byte queues that live in memory up to a bound they share, and beyond it in one unnamed file.
///
/// Bytes go in at the back and come out at the front in the same order. A spool begins in memory; from the
/// moment the bound is reached, what it still gets goes to the file, until it has been emptied once. The file is
/// made when first needed, has no name, is cut into extents that are used again, and shrinks to nothing whenever no spool
/// uses it. For one thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/fd.hpp"

namespace ipc {

/// The bound and the file. Must outlive its spools.
class SpoolStore {
 public:
  static constexpr std::size_t kExtent = 64 * 1024;

  /// `memory`: bytes that all spools together may hold in memory. `directory`: where the file is made.
  SpoolStore(std::size_t memory, std::string directory) : memory_(memory), directory_(std::move(directory)) {}

  [[nodiscard]] std::size_t memory_in_use() const noexcept { return used_; }
  [[nodiscard]] std::size_t extents_in_use() const noexcept { return extents_ - free_.size(); }

 private:
  friend class Spool;
  [[nodiscard]] bool take_memory(std::size_t bytes) noexcept;
  void give_memory(std::size_t bytes) noexcept { used_ -= bytes; }
  [[nodiscard]] std::uint32_t take_extent();
  void give_extent(std::uint32_t extent) noexcept;
  void write(std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] std::string_view read(std::uint64_t offset, std::size_t count);

  std::size_t memory_;
  std::size_t used_ = 0;
  std::string directory_;
  Fd file_;
  std::uint32_t extents_ = 0;  ///< that the file has
  std::vector<std::uint32_t> free_;
  std::unique_ptr<char[]> window_;  ///< what front() of a spool in the file shows
};

class Spool {
 public:
  explicit Spool(SpoolStore& store) noexcept : store_(&store) {}
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&& other) noexcept;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() { clear(); }

  /// Throws Error when the file cannot be made or written (ENOSPC, EIO); what was in the spool stays good.
  void append(std::string_view bytes);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// The next bytes, as many as lie together: empty only when the spool is. Valid until the next call of any
  /// spool of the same store. Throws Error when the file cannot be read.
  [[nodiscard]] std::string_view front();
  /// Drops the first `count` bytes, at most those that front() showed.
  void pop(std::size_t count) noexcept;
  void clear() noexcept;

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::uint32_t capacity = 0;
    std::uint32_t size = 0;
  };
  [[nodiscard]] std::size_t append_to_memory(std::string_view bytes);
  void append_to_file(std::string_view bytes);

  SpoolStore* store_;
  std::uint64_t size_ = 0;
  std::vector<Chunk> chunks_;           ///< first part, in memory
  std::size_t first_chunk_ = 0;         ///< the chunk that front() shows
  std::size_t chunk_offset_ = 0;        ///< bytes of it that have been popped
  std::vector<std::uint32_t> extents_;  ///< second part, in the file
  std::size_t first_extent_ = 0;
  std::uint64_t file_begin_ = 0;  ///< positions within the extents in sequence
  std::uint64_t file_end_ = 0;
};

}  // namespace ipc
