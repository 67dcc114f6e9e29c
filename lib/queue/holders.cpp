#include "queue/holders.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ipc/error.hpp"
#include "queue/bell.hpp"

namespace queue {
namespace {

/// Beyond any data.
constexpr off_t kFirstByte = off_t{1} << 40;
/// Runs that are returned in one change.
constexpr unsigned kTurn = 32;

struct flock range_of(Number number, short type) noexcept {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = kFirstByte + static_cast<off_t>(number);
  range.l_len = 1;
  return range;
}

}  // namespace

std::uint64_t pid_space() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

bool Holders::is_alive(Number number) const {
  if (number == self_) return true;
  auto range = range_of(number, F_WRLCK);
  while (::fcntl(store_.holders_descriptor(), F_OFD_GETLK, &range) != 0) {
    if (errno != EINTR) ipc::throw_errno("look at lock", "holders");
  }
  return range.l_type != F_UNLCK;
}

bool Holders::lock_byte(Number number) const {
  auto range = range_of(number, F_WRLCK);
  do {
    if (::fcntl(store_.holders_descriptor(), F_OFD_SETLK, &range) == 0) return true;
  } while (errno == EINTR);
  if (errno != EAGAIN && errno != EACCES) ipc::throw_errno("lock", "holders");
  return false;
}

Number Holders::self() {
  Header& header = store_.header();
  // The tables may have been built anew meanwhile.
  Journal& journal = store_.journal();
  if (self_ != 0 && self_ <= header.holders && store_.holder(self_).serial == serial_ &&
      store_.holder(self_).pid != 0) {
    if (expects_to_hold_ && !std::exchange(can_be_watched_, true))
      journal.set(store_.holder(self_).pid_space, pid_space());
    return self_;
  }
  store_.reserve_holder();
  Number number = 1;
  while ((number <= header.holders && store_.holder(number).pid != 0) || !lock_byte(number)) {
    if (++number > kMostHolders) throw ipc::Error(EUSERS, "", "holders");
  }
  while (std::size_t{number} > header.holders + 1) {
    // Bytes that are locked without an entry: from before the tables were built anew.
    store_.reserve_holder();
    journal.add(header.holders, 1);
    journal.set(store_.holder(header.holders).pid, 0);
    journal.set(store_.holder(header.holders).serial, 0);
  }
  store_.reserve_holder();
  if (number > header.holders) journal.set(header.holders, number);
  HolderEntry& entry = store_.holder(number);
  journal.set(entry.pid, ::getpid());
  can_be_watched_ = expects_to_hold_;
  journal.set(entry.pid_space, can_be_watched_ ? pid_space() : 0);
  serial_ = header.next_serial;
  journal.set(entry.serial, serial_);
  journal.add(header.next_serial, 1);
  journal.set(entry.runs_held, 0);
  journal.set(entry.runs.head, 0);
  journal.set(entry.runs.tail, 0);
  journal.add(header.active, 1);
  return self_ = number;
}

void Holders::leave() {
  if (self_ == 0 || self_ > store_.header().holders || store_.holder(self_).serial != serial_) return;
  // What it still holds goes back as from a dead one.
  if (store_.holder(self_).runs_held != 0) return;
  store_.journal().set(store_.holder(self_).pid, 0);
  store_.journal().subtract(store_.header().active, 1);
  self_ = 0;
}

/// The latest first, so that they stand in their old order again.
void Holders::return_runs(Number number) {
  Runs runs(store_);
  HolderEntry& entry = store_.holder(number);
  for (unsigned turn = 0; turn < kTurn && entry.runs.tail != 0; ++turn) {
    const Number run = entry.runs.tail;
    if (store_.run(run).state != RunState::held || store_.run(run).holder != number)
      throw Damaged("a holder's list");
    runs.withdraw(run);
    store_.journal().add(store_.run(run).attempts, 1);
    runs.come_back(run);
  }
}

bool Holders::bury_dead() {
  Header& header = store_.header();
  bool any = false;
  for (Number number = 1; number <= header.holders; ++number) {
    HolderEntry& entry = store_.holder(number);
    if (entry.pid == 0 || is_alive(number)) continue;
    while (entry.runs.tail != 0) {
      any = true;
      return_runs(number);
      ring(store_.directory(), kGetBell);
      store_.journal().commit();
    }
    store_.journal().set(entry.pid, 0);
    store_.journal().subtract(header.active, 1);
    store_.journal().commit();
  }
  return any;
}

std::vector<Holders::Other> Holders::others() const {
  std::vector<Other> found;
  const std::uint64_t here = pid_space();
  for (Number number = 1; number <= store_.header().holders; ++number) {
    const HolderEntry& entry = store_.holder(number);
    if (entry.pid == 0 || number == self_ || entry.runs_held == 0) continue;
    found.push_back({entry.pid, entry.serial, entry.pid_space == here && here != 0});
  }
  return found;
}

}  // namespace queue
