#include "queue/rebuild.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "ipc/error.hpp"
#include "ipc/fd.hpp"
#include "ipc/wall_timer.hpp"
#include "queue/bell.hpp"
#include "queue/make_store.hpp"
#include "queue/placing.hpp"
#include "queue/removal.hpp"

namespace queue {
namespace {

constexpr std::size_t kWindow = std::size_t{1} << 20;

using Tell = std::function<void(const std::string&)>;

bool is_blank(int fd, std::uint64_t size) {
  std::vector<char> bytes(std::min<std::uint64_t>(size, kWindow));
  for (std::uint64_t at = 0; at < size; at += bytes.size()) {
    const std::size_t part = read_at(fd, bytes, at);
    if (std::any_of(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part),
                    [](char c) { return c != 0; }))
      return false;
  }
  return true;
}

class Rebuilder {
 public:
  Rebuilder(Store& store, Tell tell) : store_(store), tell_(std::move(tell)), placer_(store) {}

  void run() {
    clear_tables();
    for (const std::uint32_t number : segment_numbers()) read_segment(number);
    placer_.finish();
    remove_empty_segments();
  }

 private:
  void clear_tables();
  [[nodiscard]] std::vector<std::uint32_t> segment_numbers();
  void read_segment(std::uint32_t number);
  void read_segment(std::uint32_t number, int fd, std::uint64_t salt, std::uint32_t size);
  [[nodiscard]] static std::optional<std::uint64_t> salt_of(int fd, std::uint32_t number, std::uint64_t size);
  /// It is not used again.
  void pass_number(std::uint32_t number);
  void read_records(Number segment, int fd, std::uint64_t size);
  void remove_empty_segments();
  /// Once for each segment: whatever the damage, `verify` and the lost messages say the rest.
  void tell(std::uint32_t number) {
    if (damaged_.insert(number).second) tell_(damage_of(number));
  }

  Store& store_;
  Tell tell_;
  Placer placer_;
  std::set<std::uint32_t> damaged_;  ///< segments
  std::int64_t now_ = ipc::wall_time();
};

void Rebuilder::clear_tables() {
  store_.fill_holes();
  Header& header = store_.header();
  header.journal = 0;
  header.writing = {};
  header.settled = {};
  header.unlinking = 0;
  header.compacting = 0;
  header.queued = header.delayed = header.leased = header.bytes = 0;
  for (List& list : header.lists) list = {};
  header.waiting = 0;
  store_.measure_runs();
  // Who was registered must find nothing of himself.
  store_.wipe_holders();
  header.free_run = header.free_runs = header.runs = header.segments = header.holders = header.timers = 0;
  header.last_segment = 0;
  header.room = header.live = 0;
  header.active = 0;
}

std::vector<std::uint32_t> Rebuilder::segment_numbers() {
  std::vector<std::uint32_t> numbers;
  ipc::Fd copy = open_in(store_.directory(), ".", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
  if (!stream) ipc::throw_errno("", store_.path());
  static_cast<void>(copy.release());
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    std::uint32_t number = 0;
    const std::size_t digits = name.find('-') + 1;
    const auto parsed = std::from_chars(name.data() + digits, name.data() + name.size(), number);
    if (parsed.ec != std::errc() || number == 0) continue;
    if (name == segment_name(number)) numbers.push_back(number);
    if (name == damaged_name(number)) pass_number(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

void Rebuilder::pass_number(std::uint32_t number) {
  Header& header = store_.header();
  header.next_segment = std::max(header.next_segment, number + 1);
}

/// Nothing when it is no segment, or not this one.
std::optional<std::uint64_t> Rebuilder::salt_of(int fd, std::uint32_t number, std::uint64_t size) {
  constexpr std::uint64_t kLargest = 0xFFFFFFFF;
  SegmentHead head{};
  for (const std::uint32_t offset : {kFirstHead, kSecondHead}) {
    if (!read_head(fd, offset, head)) continue;
    if (head.number != number || size < kDataBegin || size > kLargest) return std::nullopt;
    return head.salt;
  }
  return size <= kLargest ? find_salt(fd, static_cast<std::uint32_t>(size)) : std::nullopt;
}

void Rebuilder::read_segment(std::uint32_t number) {
  const ipc::Fd file = open_segment(store_.directory(), number);
  struct stat status {};
  if (file && ::fstat(file.get(), &status) != 0) ipc::throw_errno("", segment_name(number));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const bool is_file = file && S_ISREG(status.st_mode);
  if (const auto salt = is_file ? salt_of(file.get(), number, size) : std::nullopt) {
    pass_number(number);
    return read_segment(number, file.get(), *salt, static_cast<std::uint32_t>(size));
  }
  // One that was being made has nothing in it yet.
  if (is_file && is_blank(file.get(), size)) {
    ::unlinkat(store_.directory(), segment_name(number).c_str(), 0);
    return;
  }
  pass_number(number);
  tell(number);
  set_aside(store_.directory(), number);
}

void Rebuilder::read_segment(std::uint32_t number, int fd, std::uint64_t salt, std::uint32_t size) {
  Header& header = store_.header();
  store_.reserve_segment();
  SegmentEntry entry{};
  entry.number = number;
  entry.room = size;
  entry.size = std::max(size, kSegmentSize);
  entry.used = kDataBegin;
  entry.salt = salt;
  const Number place = ++header.segments;
  store_.segment(place) = entry;
  header.room += size;
  header.last_segment = place;
  read_records(place, fd, size);
  SegmentEntry& made = store_.segment(place);
  // A large message is alone in its segment.
  if (size > kSegmentSize) made.size = made.used;
  // The padding of the last record may have been cut off.
  if (made.used <= made.room) return;
  const int errnum = allocate(fd, made.room, made.used);
  if (errnum != 0) throw ipc::Error(errnum, "", segment_name(number));
  header.room += made.used - made.room;
  made.room = made.used;
}

void Rebuilder::read_records(Number segment, int fd, std::uint64_t size) {
  SegmentEntry& entry = store_.segment(segment);
  const auto settled = std::make_unique<SettledBits>(fd);
  Walker walker;
  walker.start(fd, entry.salt, kDataBegin, static_cast<std::uint32_t>(size), kWindow);
  while (const auto found = walker.next()) {
    entry.used = walker.position();
    entry.last = found->offset;
    store_.header().next_id = std::max(store_.header().next_id, found->head.id + 1);
    if (settled->has(found->offset)) {
      placer_.pass(segment, found->head.id);
      continue;
    }
    std::string_view body = found->body;
    const auto extra = found->is_sound() ? cut_extra(found->head.flags, body) : std::nullopt;
    if (extra) {
      placer_.add(segment, *found, extra->due > now_ ? extra->due : 0);
    } else {
      tell(entry.number);
    }
  }
  if (walker.damaged() > walker.blank()) tell(entry.number);
}

void Rebuilder::remove_empty_segments() {
  Header& header = store_.header();
  for (Number number = 1; number <= header.segments; ++number) {
    SegmentEntry& entry = store_.segment(number);
    if (number == header.last_segment || entry.runs != 0 || entry.number == 0) continue;
    if (damaged_.contains(entry.number)) {
      set_aside(store_.directory(), entry.number);
    } else {
      ::unlinkat(store_.directory(), segment_name(entry.number).c_str(), 0);
    }
    header.room -= entry.room;
    entry.number = 0;
  }
}

}  // namespace

void rebuild(Store& store, const Tell& tell) {
  // After a reboot, which may have been a power cut, nobody knows how many there were.
  const std::uint64_t expected = store.is_copy() ? unfinished(store.header()) : 0;
  store.distrust();
  if (shape_checksum(store.header()) != store.header().shape_crc) {
    reset_shape(store.header());
    tell("control is damaged: its options are lost");
  }
  bool has_told = false;
  const Tell tell_of_loss = [&](const std::string& what) {
    store.header().untold = 1;
    has_told = true;
    tell(what);
  };
  Rebuilder(store, tell_of_loss).run();
  if (const std::uint64_t found = unfinished(store.header()); found < expected && !has_told) {
    tell_of_loss("is a copy of " + std::to_string(expected) + " messages, of which " +
                 std::to_string(expected - found) + " are missing");
  }
  // Whoever sleeps has seen other tables.
  for (const char* bell : {kGetBell, kPutBell, kJoinBell}) ring(store.directory(), bell);
  ring_answers(store.directory());
  store.trust();
}

}  // namespace queue
