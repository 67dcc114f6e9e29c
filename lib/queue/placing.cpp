#include "queue/placing.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "queue/run_reader.hpp"

namespace queue {
namespace {

constexpr std::size_t kWindow = std::size_t{64} << 10;

}  // namespace

bool Placer::Piece::goes_on_with(const Piece& other) const noexcept {
  return extent.segment == other.extent.segment && extent.end == other.extent.begin &&
         priority == other.priority && flags == other.flags && due == other.due;
}

void Placer::Piece::extend(const Piece& other) noexcept {
  extent.end = other.extent.end;
  extent.last = other.extent.last;
  extent.count += other.extent.count;
  extent.bytes += other.extent.bytes;
}

void Placer::append(std::vector<Piece>& pieces, const Piece& piece) {
  if (!pieces.empty() && pieces.back().goes_on_with(piece) && pieces.back().last_id() + 1 == piece.first_id) {
    pieces.back().extend(piece);
  } else {
    pieces.push_back(piece);
  }
}

void Placer::add(Number segment, const Found& found, std::int64_t due) {
  const std::uint64_t id = found.head.id;
  const auto end = static_cast<std::uint32_t>(found.offset + found.head.size());
  const Piece piece{id,
                    due,
                    {segment, found.offset, end, found.offset, 1, message_size(found)},
                    found.head.priority,
                    static_cast<std::uint8_t>(found.head.flags & ~kDelayed)};
  if (id <= highest_id_) {
    copies_.add(segment, id);
    return append(late_, piece);
  }
  highest_id_ = id;
  // Where ids are missing in between, nothing of another place can come there that is not seen to be late.
  const bool goes_on = newest_.extent.count > 0 && newest_.goes_on_with(piece);
  if (goes_on && (due == 0 || newest_id_ + 1 == id)) {
    newest_.extend(piece);
  } else {
    place_newest();
    newest_ = piece;
  }
  newest_id_ = id;
}

void Placer::pass(Number segment, std::uint64_t id) {
  if (id <= highest_id_) {
    copies_.add(segment, id);
  } else {
    highest_id_ = id;
  }
}

void Placer::finish() {
  place_newest();
  if (!copies_.empty()) put_in_between();
  tidy();
}

Number Placer::make(const Piece& piece) {
  store_.reserve_runs(1);
  store_.reserve_timers(1);
  const Number number = runs_.make(piece.extent, piece.priority, piece.flags);
  change_live(store_, store_.segment(piece.extent.segment), piece.extent.end - piece.extent.begin);
  return number;
}

/// Until all is read its ids are where a run that waits has nothing to say: the first in `serial`, the last in `time`.
void Placer::place_newest() {
  if (newest_.extent.count == 0) return;
  const Number number = make(newest_);
  if (newest_.due != 0) {
    runs_.delay(number, newest_.due, false);
  } else {
    runs_.enqueue(number);
    store_.run(number).time = static_cast<std::int64_t>(newest_id_);
  }
  store_.run(number).serial = newest_.first_id;
  newest_.extent.count = 0;
  store_.journal().commit();
  store_.forget_pages_in_time();
}

void Placer::put_in_between() {
  copies_.arrange();
  take_runs_apart();
  std::erase_if(late_, [this](const Piece& piece) {
    const bool has_copies = copies_.has_later(piece.first_id, piece.last_id(), piece.extent.segment);
    if (has_copies) keep_latest(piece);
    return has_copies;
  });
  late_.insert(late_.end(), kept_.begin(), kept_.end());
  put_back();
}

/// Those of which there are copies, or between whose messages others belong.
void Placer::take_runs_apart() {
  for (const List& list : store_.header().lists) {
    for (Number number = oldest(list), next = 0; number != 0; number = next) {
      next = newer(number);
      const Run& run = store_.run(number);
      if (copies_.has_any(run.serial, static_cast<std::uint64_t>(run.time))) take_apart(number);
      store_.forget_pages_in_time();
    }
  }
  // The heap's order changes with every removal.
  std::vector<Number> delayed;
  for (Number place = 1; place <= store_.header().timers; ++place) {
    const Number number = store_.timer(place);
    const Run& run = store_.run(number);
    if (copies_.has_any(run.serial, run.serial + run.count - 1)) delayed.push_back(number);
    store_.forget_pages_in_time();
  }
  for (const Number number : delayed) take_apart(number);
}

void Placer::take_apart(Number number) {
  const Run run = store_.run(number);
  const Piece piece{run.serial,
                    run.state == RunState::delayed ? run.time : 0,
                    {run.segment, run.begin, run.end, run.last, run.count, run.bytes},
                    run.priority,
                    run.flags};
  runs_.withdraw(number);
  runs_.dissolve(number);
  change_live(store_, store_.segment(run.segment), -static_cast<std::int64_t>(run.end - run.begin));
  store_.journal().commit();
  keep_latest(piece);
}

/// What of it has no later copy; the rest is marked.
void Placer::keep_latest(const Piece& piece) {
  const SegmentEntry& entry = store_.segment(piece.extent.segment);
  Walker walker;
  walker.start(store_.segment_descriptor(entry), entry.salt, piece.extent.begin, piece.extent.end, kWindow);
  Stretch superseded{};
  const auto mark = [&] {
    if (superseded.segment == 0) return;
    sync_copies();
    mark_settled(store_, superseded);
    superseded.segment = 0;
  };
  while (const auto found = walker.next()) {
    const std::uint64_t id = found->head.id;
    if (copies_.has_later(id, id, piece.extent.segment)) {
      if (superseded.segment == 0) superseded = {piece.extent.segment, found->offset, 0, 0};
      superseded.end = walker.position();
      continue;
    }
    mark();
    Piece one = piece;
    one.first_id = id;
    one.extent = {piece.extent.segment, found->offset, walker.position(), found->offset, 1,
                  message_size(*found)};
    append(kept_, one);
  }
  mark();
}

/// A copy that counts must be as safe as the one that is left out.
void Placer::sync_copies() {
  if (are_synced_ || store_.header().no_sync != 0) return;
  for (Number number = 1; number <= store_.header().segments; ++number) {
    const int fd = store_.segment_descriptor(store_.segment(number));
    if (fd >= 0) insist_on(sync_data(fd), store_.path());
  }
  const ipc::Fd directory = open_in(store_.directory(), ".", O_RDONLY | O_DIRECTORY);
  insist_on(sync_file(directory.get()), store_.path());
  are_synced_ = true;
}

void Placer::put_back() {
  std::ranges::sort(late_, {}, &Piece::first_id);
  std::array<Number, kPriorities> behind{};  // the first run of each priority that is newer
  for (std::size_t priority = 0; priority < behind.size(); ++priority)
    behind[priority] = oldest(store_.header().lists[priority]);
  for (const Piece& piece : late_) {
    const Number number = make(piece);
    Number& next = behind[piece.priority];
    while (next != 0 && store_.run(next).serial < piece.first_id) next = newer(next);
    if (piece.due != 0) {
      runs_.delay(number, piece.due, false);
    } else if (next != 0) {
      runs_.put_back_front(number, next);
    } else {
      runs_.enqueue(number);
    }
    store_.journal().commit();
    store_.forget_pages_in_time();
  }
}

/// Neighbours become one, and nothing remains of the ids.
void Placer::tidy() {
  for (const List& list : store_.header().lists) {
    for (Number number = oldest(list); number != 0; number = newer(number)) {
      for (Number next = 0; !copies_.empty() && next != newer(number);) {
        next = newer(number);
        runs_.join_neighbours(number);
        store_.journal().commit();
      }
      store_.run(number).serial = 0;
      store_.run(number).time = 0;
      store_.forget_pages_in_time();
    }
  }
  for (Number place = 1; place <= store_.header().timers; ++place) {
    store_.run(store_.timer(place)).serial = 0;
    store_.forget_pages_in_time();
  }
}

Number Placer::oldest(const List& list) const noexcept {
  return store_.header().lifo != 0 ? list.tail : list.head;
}

Number Placer::newer(Number number) const {
  return store_.header().lifo != 0 ? store_.run(number).prev : store_.run(number).next;
}

}  // namespace queue
