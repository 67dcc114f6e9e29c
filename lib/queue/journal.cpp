#include "queue/journal.hpp"

#include <cerrno>
#include <cstring>

#include "ipc/error.hpp"

namespace queue {
namespace {

constexpr std::uint64_t kOffsetBits = 48;

void in_order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

}  // namespace

void Journal::note(const char* place, std::size_t size) {
  const std::uint64_t number = count();
  if (number >= most_) throw ipc::Error(EOVERFLOW, "", "journal");
  for (std::uint64_t file = 0; file < kFiles; ++file) {
    const MappedFile* mapped = files_[file];
    if (mapped == nullptr || place < mapped->data() || place >= mapped->data() + mapped->size()) continue;
    Note& entry = notes()[number];
    const auto offset = static_cast<std::uint64_t>(place - mapped->data());
    entry.where = file << 56 | std::uint64_t{size} << kOffsetBits | offset;
    std::memcpy(&entry.before, place, size);
    in_order();
    counter() += kOne;
    in_order();
    return;
  }
  throw ipc::Error(EFAULT, "", "journal");
}

void Journal::copy(void* place, const void* from, std::size_t size) {
  auto* to = static_cast<char*>(place);
  const auto* source = static_cast<const char*>(from);
  for (std::size_t i = 0; i < size; i += sizeof(Note::before)) {
    note(to + i, sizeof(Note::before));
    std::memcpy(to + i, source + i, sizeof(Note::before));
    in_order();
  }
}

void Journal::commit() noexcept {
  in_order();
  counter() = 0;
  in_order();
}

void Journal::roll_back() {
  if (!is_sound()) commit();
  while (!empty()) {
    const Note& entry = notes()[count() - 1];
    const std::uint64_t file = entry.where >> 56;
    const std::uint64_t size = entry.where >> kOffsetBits & 0xFF;
    const std::uint64_t offset = entry.where & ((std::uint64_t{1} << kOffsetBits) - 1);
    if (file < kFiles && files_[file] != nullptr && size <= 8) {
      // The dead one may have made the file longer.
      if (offset + size > files_[file]->size()) files_[file]->follow();
      if (offset + size <= files_[file]->size()) {
        std::memcpy(files_[file]->data() + offset, &entry.before, size);
      }
    }
    in_order();
    counter() -= kOne;
    in_order();
  }
}

}  // namespace queue
