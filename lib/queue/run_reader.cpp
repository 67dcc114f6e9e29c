#include "queue/run_reader.hpp"

#include <algorithm>

#include "queue/segment.hpp"

namespace queue {

std::uint32_t message_size(const Found& found) noexcept {
  std::string_view body = found.body;
  if (found.head.flags != 0) static_cast<void>(cut_extra(found.head.flags, body));
  return static_cast<std::uint32_t>(body.size());
}

std::uint32_t message_sizes(const std::vector<Found>& found, std::size_t count) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += message_size(found[i]);
  return sum;
}

std::optional<RunReader::Part> RunReader::read(int fd, std::uint64_t salt, const Run& run, std::size_t most,
                                               bool from_end, std::size_t window, std::vector<Found>& found) {
  found.clear();
  damaged_ = 0;
  if (from_end) return read_back(fd, salt, run, most, window, found);
  walker_.start(fd, salt, run.begin, run.end, window);
  auto part = read_front(run, most, found);
  damaged_ = walker_.damaged();
  return part;
}

std::optional<RunReader::Part> RunReader::read_front(const Run& run, std::size_t most,
                                                     std::vector<Found>& found) {
  while (found.size() < most && !walker_.at_end()) {
    const auto one = walker_.next(found.empty());
    if (!one) break;
    found.push_back(*one);
  }
  if (found.empty() || walker_.at_end() || found.size() >= run.count) return std::nullopt;
  return Part{walker_.position(), found.back().offset, static_cast<std::uint32_t>(found.size()),
              message_sizes(found, found.size())};
}

/// Each record says where the one before it begins; where that chain is broken, the run is read from its beginning.
std::optional<RunReader::Part> RunReader::read_back(int fd, std::uint64_t salt, const Run& run,
                                                    std::size_t most, std::size_t window,
                                                    std::vector<Found>& found) {
  const std::uint32_t far = run.end - run.begin;
  std::uint32_t begin = run.end - std::min<std::uint32_t>(far, static_cast<std::uint32_t>(window));
  begin = std::min(std::max(begin, run.begin), run.last);
  // The part from the record at `first` on is wanted: a first pass finds it, a second reads it.
  std::uint32_t first = run.last;
  std::uint32_t before = 0;
  for (std::size_t count = 1;; ++count) {
    char bytes[kRecordHeader];
    const bool is_there = read_at(fd, bytes, first) == sizeof bytes;
    const auto head = is_there ? decode(bytes, {salt, first}) : std::nullopt;
    if (!head || (first > run.begin && (head->back < kRecordHeader || head->back > first - run.begin))) {
      first = run.begin;
      break;
    }
    before = first == run.begin ? 0 : first - head->back;
    if (first == run.begin || count == most || before < begin) break;
    first = before;
  }
  walker_.start(fd, salt, first, run.end, run.end - first);
  while (const auto one = walker_.next(found.empty())) found.push_back(*one);
  damaged_ = walker_.damaged();
  std::ranges::reverse(found);
  if (found.size() > most) {
    before = found[most].offset;
    first = found[most - 1].offset;
    found.resize(most);
  } else if (found.empty() || first == run.begin) {
    return std::nullopt;
  }
  if (found.size() >= run.count) return std::nullopt;
  return Part{first, before, static_cast<std::uint32_t>(found.size()), message_sizes(found, found.size())};
}

}  // namespace queue
