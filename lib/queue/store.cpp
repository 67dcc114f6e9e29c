#include "queue/store.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/error.hpp"
#include "ipc/processes.hpp"
#include "queue/make_store.hpp"
#include "queue/removal.hpp"
#include "queue/segment.hpp"

namespace queue {
namespace {

void check_header(const std::string& path, const MappedFile& control) {
  Header header{};
  if (control.size() < kControlSize) throw ipc::BadValue(path + ": not a queue");
  std::memcpy(&header, control.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) throw ipc::BadValue(path + ": not a queue");
  if (header.byte_order != kByteOrder) throw ipc::BadValue(path + ": a queue of another kind of machine");
  if (header.version == kVersion) return;
  throw ipc::BadValue(path + ": a queue of version " + std::to_string(header.version) + ", this is version " +
                      std::to_string(kVersion));
}

}  // namespace

std::uint64_t random_word() {
  std::uint64_t word = 0;
  if (::getrandom(&word, sizeof word, 0) != sizeof word) ipc::throw_errno("", "random number");
  return word;
}

std::unique_ptr<Store> Store::open(const std::string& path, Use use) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0 && errno == ENOENT) return nullptr;
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) throw ipc::BadValue(path + ": not a queue");
  if (fd < 0) ipc::throw_errno("", path);
  ipc::Fd directory(fd);
  try {
    MappedFile control(directory.get(), "control");
    if (use == Use::change && control.size() == kControlSize) control.touch();
    check_header(path, control);
    if (is_removed(*reinterpret_cast<const Header*>(control.data()))) {
      finish_removal(path);
      return nullptr;
    }
    std::unique_ptr<Store> store(new Store(path, std::move(directory), std::move(control)));
    // A copy can have holes, for which there may be no room.
    if (use == Use::change && store->is_trusted()) {
      store->runs_.touch();
      store->segments_.touch();
    }
    return store;
  } catch (const ipc::Error& error) {
    if (error.errnum() == ENOENT && error.object() == "control") {
      refuse_foreign(fd, path);
      return nullptr;
    }
    if (error.errnum() == ELOOP) throw ipc::BadValue(path + ": " + error.object() + " is a link");
    throw ipc::Error(error.errnum(), error.operation(), path + ": " + error.object());
  }
}

Store::Store(std::string path, ipc::Fd directory, MappedFile control)
    : path_(std::move(path)),
      directory_(std::move(directory)),
      control_(std::move(control)),
      runs_(directory_.get(), "runs"),
      segments_(directory_.get(), "segments"),
      holders_(directory_.get(), "holders", MappedFile::When::when_needed),
      timers_(directory_.get(), "timers", MappedFile::When::when_needed),
      journal_({&control_, &runs_, &segments_, &holders_, &timers_}, offsetof(Header, journal), kJournalBegin,
               (kControlSize - kJournalBegin) / sizeof(Journal::Note)),
      boot_(ipc::this_boot()),
      device_(control_.device()),
      inode_(control_.inode()) {}

bool Store::is_trusted() const {
  const Header& now = header();
  return now.boot == boot_ && now.device == device_ && now.inode == inode_ &&
         now.shape_crc == shape_checksum(now);
}

bool Store::is_copy() const {
  const Header& now = header();
  const bool is_other = now.device != device_ || now.inode != inode_;
  return now.boot == boot_ && now.inode != 0 && is_other && now.journal == 0 &&
         now.shape_crc == shape_checksum(now);
}

void Store::trust() {
  header().boot = boot_;
  header().device = device_;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  header().inode = inode_;
}

void Store::fill_holes() {
  for (MappedFile* file : {&control_, &runs_, &segments_, &holders_, &timers_}) {
    file->follow();
    if (file->size() == 0) continue;
    int errnum = 0;
    do {
      errnum = ::fallocate(file->descriptor(), 0, 0, static_cast<off_t>(file->size())) == 0 ? 0 : errno;
    } while (errnum == EINTR);
    if (errnum != 0 && errnum != EOPNOTSUPP && errnum != ENOSYS) throw ipc::Error(errnum, "", path_);
  }
}

void Store::follow() {
  const Header& now = header();
  if (now.runs_bytes != runs_.size() && !runs_.follow(now.runs_bytes)) throw Damaged("runs");
  if (std::size_t{now.segments} * sizeof(SegmentEntry) > segments_.size()) segments_.follow();
  insist_on_bounds();
}

const SegmentEntry& Store::segment_of(const Run& run) const {
  const SegmentEntry& entry = segment(run.segment);
  const bool is_within = run.begin >= kDataBegin && run.begin < run.end && run.end <= entry.used;
  // Its last record may have been damaged, and cut off with those before it.
  const bool is_whole = run.count > 0 && run.last < run.end;
  if (entry.number != 0 && !(is_within && is_whole)) throw Damaged("a run");
  return entry;
}

/// What the header says of the tables can be. Whoever changes it keeps to that, so that loops over them end.
void Store::insist_on_bounds() const {
  const Header& now = header();
  if (std::size_t{now.runs} * sizeof(Run) > runs_.size() || now.free_runs > now.runs ||
      now.free_run > now.runs)
    throw Damaged("runs");
  if (std::size_t{now.segments} * sizeof(SegmentEntry) > segments_.size() ||
      now.last_segment > now.segments || now.compacting > now.segments)
    throw Damaged("segments");
  if (now.holders > kMostHolders || now.active > now.holders) throw Damaged("holders");
  if (now.timers > now.runs) throw Damaged("timers");
  if (now.waiting >> kPriorities != 0) throw Damaged("the header");
}

/// The one table that also becomes shorter: its length on the disk is known to all.
void Store::reserve_runs(Number more) {
  more -= std::min(more, header().free_runs);
  const std::size_t needed = (std::size_t{header().runs} + more) * sizeof(Run);
  if (needed <= runs_.size()) return;
  runs_.grow(needed);
  header().runs_bytes = runs_.size();
}

void Store::wipe_holders() {
  holders_.follow();
  if (holders_.size() > 0) std::memset(holders_.data(), 0, holders_.size());
}

void Store::measure_runs() {
  runs_.follow();
  header().runs_bytes = runs_.size();
}

void Store::shrink_runs() {
  constexpr std::size_t kPage = 4096;
  const std::size_t needed = (std::size_t{header().runs} * sizeof(Run) + kPage - 1) / kPage * kPage;
  // Not for a little, and not so tightly that it grows again at once.
  if (runs_.size() < 64 * kPage || needed * 2 > runs_.size()) return;
  header().runs_bytes = needed + needed / 4 / kPage * kPage + kPage;
  runs_.shrink(header().runs_bytes);
}

void Store::forget_pages() noexcept {
  constexpr std::size_t kWorthIt = std::size_t{1} << 20;
  for (MappedFile* file : {&runs_, &timers_}) {
    if (file->size() > kWorthIt) file->forget_pages();
  }
}

Section::Section(Store& store)
    : store_(store),
      lock_(*ipc::FileLock::lock(store.control_.descriptor(), ipc::FileLock::Mode::exclusive)) {
  if (!store_.is_trusted()) return;
  store_.follow();
  clean_up();
}

Section::~Section() {
  try {
    clean_up();
  } catch (const std::exception&) {
    // The next one does it.
  }
}

/// Undoes what is half done, then does what is noted.
void Section::clean_up() {
  // A rebuild that has failed leaves notes of another time.
  if (!store_.is_trusted()) return;
  Header& header = store_.header();
  if (header.journal != 0) {
    if (!store_.journal().is_sound()) throw Damaged("the journal");
    store_.journal().roll_back();
    // It may have been about to use this number.
    ::unlinkat(store_.directory(), segment_name(header.next_segment).c_str(), 0);
  }
  if (header.writing.segment != 0) {
    try {
      wipe_unfinished(store_);
    } catch (const ipc::Error&) {
      // What is there must not be taken for records behind those that would be added.
      store_.segment(header.writing.segment).is_broken = 1;
    }
    header.writing.segment = 0;
  }
  finish_notes();
}

void Section::commit() {
  store_.journal().commit();
  store_.header().writing.segment = 0;
  finish_notes();
  store_.forget_pages_in_time();
}

void Section::finish_notes() {
  Header& header = store_.header();
  if (header.settled.segment != 0) {
    try {
      mark_settled(store_, header.settled);
      header.settled.segment = 0;
    } catch (const ipc::Error&) {
      // The next one tries again. At worst these messages come again, after a reboot.
    }
  }
  if (header.unlinking != 0) {
    if (header.setting_aside != 0) {
      set_aside(store_.directory(), header.unlinking);
    } else {
      ::unlinkat(store_.directory(), segment_name(header.unlinking).c_str(), 0);
    }
    store_.files().forget(header.unlinking);
    header.unlinking = 0;
  }
}

}  // namespace queue
