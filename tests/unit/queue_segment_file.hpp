#pragma once
/// A segment file of a queue, read and damaged from outside.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "ipc/fd.hpp"
#include "queue/segment.hpp"
#include "queue/walker.hpp"
#include "tap.hpp"

class SegmentFile {
 public:
  SegmentFile(const std::string& queue, unsigned number)
      : file_(ipc::open_file(queue + "/seg-" + std::to_string(number), O_RDWR)) {
    require(queue::read_head(file_.get(), queue::kFirstHead, head_), "it is a segment");
  }

  [[nodiscard]] int descriptor() const noexcept { return file_.get(); }
  [[nodiscard]] std::uint32_t size() const {
    struct stat status {};
    require(::fstat(file_.get(), &status) == 0);
    return static_cast<std::uint32_t>(status.st_size);
  }
  struct Record {
    std::uint32_t offset = 0;
    queue::RecordHead head;
    bool is_settled = false;
  };
  [[nodiscard]] std::vector<Record> records() const {
    const queue::SettledBits bits(file_.get());
    queue::Walker walker;
    walker.start(file_.get(), head_.salt, queue::kDataBegin, size(), 1 << 20);
    std::vector<Record> records;
    while (const auto found = walker.next()) {
      records.push_back({found->offset, found->head, bits.has(found->offset)});
    }
    return records;
  }
  /// Another value at that byte.
  void damage(std::uint64_t offset, unsigned char mask = 0x10) const {
    unsigned char byte = 0;
    const auto at = static_cast<off_t>(offset);
    require(::pread(file_.get(), &byte, 1, at) == 1);
    byte ^= mask;
    require(::pwrite(file_.get(), &byte, 1, at) == 1);
  }
  /// Also of one that is a segment no more.
  static void flip(const std::string& path, std::uint64_t bit) {
    const ipc::Fd file = ipc::open_file(path, O_RDWR);
    unsigned char byte = 0;
    const auto at = static_cast<off_t>(bit / 8);
    require(::pread(file.get(), &byte, 1, at) == 1);
    byte = static_cast<unsigned char>(byte ^ 1U << bit % 8);
    require(::pwrite(file.get(), &byte, 1, at) == 1);
  }
  void cut(std::uint32_t size) const { require(::ftruncate(file_.get(), static_cast<off_t>(size)) == 0); }

 private:
  ipc::Fd file_;
  queue::SegmentHead head_{};
};
