#include "queue/append.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ipc/crc32c.hpp"
#include "ipc/error.hpp"

namespace queue {
namespace {

/// Messages from this size on are not copied together first.
constexpr std::size_t kLarge = 256U << 10;
constexpr std::uint64_t kRecordRoom = kSegmentSize - kDataBegin;

}  // namespace

void RecordBatch::clear() noexcept {
  size_ = 0;
  items_.clear();
}

/// Room for so many bytes more, which are not set.
char* RecordBatch::extend(std::size_t bytes) {
  if (size_ + bytes > capacity_) {
    capacity_ = (size_ + bytes) * 2;
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    if (size_ > 0) std::memcpy(larger.get(), buffer_.get(), size_);
    buffer_ = std::move(larger);
  }
  size_ += bytes;
  return buffer_.get() + size_ - bytes;
}

void RecordBatch::add(RecordHead head, std::string_view extra, std::string_view bytes) {
  head.length = static_cast<std::uint32_t>(extra.size() + bytes.size());
  head.body_crc = ipc::crc32c(bytes, extra.empty() ? 0 : ipc::crc32c(extra));
  Item item;
  item.head = head;
  item.at = size_;
  item.bytes = bytes.size();
  const bool apart = bytes.size() >= kLarge;
  if (apart) item.apart = bytes;
  item.stored = apart ? kRecordHeader + extra.size() : static_cast<std::size_t>(head.size());
  char* to = extend(item.stored) + kRecordHeader;
  if (!extra.empty()) std::memcpy(to, extra.data(), extra.size());
  if (!apart) {
    if (!bytes.empty()) std::memcpy(to + extra.size(), bytes.data(), bytes.size());
    std::memset(to + head.length, 0, item.stored - kRecordHeader - head.length);
  }
  items_.push_back(item);
}

Runs::Extent RecordBatch::write(int fd, std::size_t first, std::size_t count, std::uint64_t salt,
                                std::uint32_t offset, std::uint32_t back, std::uint64_t id) {
  Runs::Extent extent;
  extent.begin = offset;
  std::size_t pending = items_[first].at;  // of the buffer, from here on not yet written
  std::uint32_t pending_offset = offset;
  const auto flush = [&](std::size_t to) {
    write_at(fd, {buffer_.get() + pending, to - pending}, pending_offset);
  };
  std::size_t end = pending;
  for (std::size_t i = first; i < first + count; ++i) {
    Item& item = items_[i];
    if (item.head.id == 0) item.head.id = id++;
    item.head.back = back;
    encode(item.head, {salt, offset}, buffer_.get() + item.at);
    extent.last = offset;
    extent.bytes += static_cast<std::uint32_t>(item.bytes);
    end = item.at + item.stored;
    const auto size = static_cast<std::uint32_t>(item.head.size());
    if (item.apart.data() != nullptr) {
      flush(end);
      write_at(fd, item.apart, offset + static_cast<std::uint32_t>(item.stored));
      pending = end;
      pending_offset = offset + size;
    }
    back = size;
    offset += size;
  }
  flush(end);
  extent.end = offset;
  extent.count = static_cast<std::uint32_t>(count);
  return extent;
}

/// The last segment can take a record of that size.
bool Appender::fits(std::uint64_t record) {
  const Header& header = store_.header();
  if (header.last_segment == 0) return false;
  const SegmentEntry& entry = store_.segment(header.last_segment);
  if (entry.number == 0 || entry.is_broken || entry.used + record > entry.size) return false;
  const int fd = store_.segment_descriptor(entry, Standing::whole);
  struct stat status {};
  // One whose end somebody has cut off, or whose head is damaged, is left as it is.
  return fd >= 0 && ::fstat(fd, &status) == 0 && status.st_size >= entry.room;
}

void Appender::begin_segment(std::uint64_t record) {
  Header& header = store_.header();
  Journal& journal = store_.journal();
  store_.reserve_segment();
  Number number = 0;
  for (Number each = header.segments; each > 0; --each) {
    // Its file would be overwritten.
    if (store_.segment(each).number >= header.next_segment) throw Damaged("segments");
    if (store_.segment(each).number == 0) number = each;
  }
  if (number == 0) number = header.segments + 1;
  if (number > header.segments) journal.set(header.segments, number);
  if (header.last_segment != 0) {
    SegmentEntry& before = store_.segment(header.last_segment);
    if (before.runs == 0 && before.number != 0 && header.compacting == 0) {
      release_segment(store_, before);
    }
  }
  SegmentEntry& entry = store_.segment(number);
  const std::uint64_t size = record > kRecordRoom ? kDataBegin + record : kSegmentSize;
  journal.set(entry.number, header.next_segment);
  journal.set(entry.salt, random_word());
  journal.set(entry.size, static_cast<std::uint32_t>(size));
  journal.set(entry.used, kDataBegin);
  journal.set(entry.last, 0);
  journal.set(entry.live, 0);
  journal.set(entry.runs, 0);
  journal.set(entry.is_named, 0);
  journal.set(entry.is_broken, false);
  journal.set(entry.is_kept, false);
  ipc::Fd file = make_segment(store_, entry, record);
  journal.add(header.next_segment, 1);
  journal.set(header.last_segment, number);
  store_.files().forget(entry.number);
  store_.files().add(entry, std::move(file));
  store_.files().forget_removed(store_);
}

Runs::Extent Appender::append(RecordBatch& batch, std::size_t first, std::size_t most, bool together) {
  Header& header = store_.header();
  Journal& journal = store_.journal();
  std::uint64_t needed = batch.record_size(first);
  for (std::size_t i = 1; together && i < most; ++i) needed += batch.record_size(first + i);
  if (!fits(needed)) begin_segment(needed);
  const Number number = header.last_segment;
  SegmentEntry& entry = store_.segment(number);
  std::uint64_t end = entry.used;
  std::size_t count = 0;
  while (count < most && end + batch.record_size(first + count) <= entry.size) {
    end += batch.record_size(first + count++);
  }
  const int fd = store_.segment_descriptor(entry, Standing::whole);
  if (fd < 0) throw Damaged("segment");
  make_room(store_, entry, fd, end);
  header.writing.begin = entry.used;
  header.writing.end = static_cast<std::uint32_t>(end);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  header.writing.segment = number;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const std::uint32_t back = entry.last == 0 ? 0 : entry.used - entry.last;
  Runs::Extent extent = batch.write(fd, first, count, entry.salt, entry.used, back, header.next_id);
  extent.segment = number;
  journal.set(entry.used, extent.end);
  journal.set(entry.last, extent.last);
  change_live(store_, entry, extent.end - extent.begin);
  return extent;
}

}  // namespace queue
