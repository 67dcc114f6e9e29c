#pragma once
/// A file with records of chosen sizes, one behind the other, and the memory of where they are.

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "ipc/fd.hpp"
#include "queue/append.hpp"
#include "scratch.hpp"
#include "tap.hpp"

class RecordsFile {
 public:
  static constexpr std::uint64_t kSalt = 0x5A17;
  static constexpr std::uint32_t kBegin = 96;

  explicit RecordsFile(const std::vector<std::size_t>& sizes) {
    queue::RecordBatch batch;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      bodies_.emplace_back(sizes[i], static_cast<char>('a' + i % 26));
    }
    for (const std::string& body : bodies_) batch.add({}, {}, body);
    std::uint32_t offset = kBegin;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      offsets_.push_back(offset);
      offset += static_cast<std::uint32_t>(batch.record_size(i));
    }
    extent_ = batch.write(file_.get(), 0, sizes.size(), kSalt, kBegin, 0, 1);
    require(extent_.end == offset);
  }

  [[nodiscard]] int descriptor() const noexcept { return file_.get(); }
  [[nodiscard]] std::uint32_t end() const noexcept { return extent_.end; }
  [[nodiscard]] const std::vector<std::uint32_t>& offsets() const noexcept { return offsets_; }
  [[nodiscard]] std::uint32_t offset(std::size_t index) const { return offsets_.at(index); }
  [[nodiscard]] const std::string& body(std::size_t index) const { return bodies_.at(index); }
  [[nodiscard]] std::size_t count() const noexcept { return offsets_.size(); }
  /// All of it as one run.
  [[nodiscard]] queue::Run run() const {
    queue::Run run{};
    run.begin = extent_.begin;
    run.end = extent_.end;
    run.last = extent_.last;
    run.count = extent_.count;
    run.bytes = extent_.bytes;
    return run;
  }
  /// Flips bits of one byte; done twice, all is as before.
  void flip(std::uint32_t offset, unsigned char mask = 0x21) const {
    unsigned char byte = 0;
    require(::pread(file_.get(), &byte, 1, offset) == 1);
    byte ^= mask;
    require(::pwrite(file_.get(), &byte, 1, offset) == 1);
  }
  void cut(std::uint32_t size) const { require(::ftruncate(file_.get(), size) == 0); }

 private:
  Scratch scratch_;
  ipc::Fd file_ = ipc::open_file(scratch_.file("records", std::string(kBegin, 'x')), O_RDWR);
  std::vector<std::string> bodies_;
  std::vector<std::uint32_t> offsets_;
  queue::Runs::Extent extent_;
};
