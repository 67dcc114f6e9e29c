#include "ipc/semaphore.hpp"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "ipc/error.hpp"

namespace ipc {
namespace {

/// The places in a set.
enum Place : unsigned short { kFree, kDebt, kLimit, kRoom, kCeiling, kCookie, kPlaces };

/// What semctl(2) wants as its fourth argument.
union Argument {
  int value;
  semid_ds* status;
  unsigned short* array;
};

/// A few operations that happen together or not at all. Changes by 0 are left out: they would mean waiting.
class Operations {
 public:
  Operations& add(Place place, int change, int flags = 0) noexcept {
    if (change != 0) list_[count_++] = {place, static_cast<short>(change), static_cast<short>(flags)};
    return *this;
  }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  /// errno, or 0. Repeats after signals; `deadline` is for those without IPC_NOWAIT.
  [[nodiscard]] int perform(int id, Deadline deadline = Deadline::never()) noexcept {
    for (;;) {
      timespec rest{};
      if (!deadline.is_never()) {
        const auto span = std::max(deadline - Deadline::now(), Duration::zero()).count();
        rest = {static_cast<std::time_t>(span / 1'000'000'000), static_cast<long>(span % 1'000'000'000)};
      }
      if (::semtimedop(id, list_.data(), count_, deadline.is_never() ? nullptr : &rest) == 0) return 0;
      if (errno != EINTR) return errno;
    }
  }

 private:
  std::array<sembuf, kPlaces> list_{};
  std::size_t count_ = 0;
};

bool means_gone(int errnum) noexcept { return errnum == EIDRM || errnum == EINVAL; }

[[noreturn]] void fail(const char* operation, int errnum) { throw Error(errnum, operation, "semaphore"); }

using Raw = std::array<unsigned short, kPlaces>;

/// errno, or 0.
int read_all(int id, Raw& raw) noexcept {
  semid_ds status{};
  Argument argument{};
  argument.status = &status;
  if (::semctl(id, 0, IPC_STAT, argument) != 0) return errno;
  // A smaller set of somebody else's, under the same key, would do; a larger one would write past the end.
  if (status.sem_nsems != kPlaces) return EINVAL;
  argument.array = raw.data();
  return ::semctl(id, 0, GETALL, argument) == 0 ? 0 : errno;
}

/// Made by us and not yet given its values: its creator was killed in between.
bool is_unfinished(int id) noexcept {
  semid_ds status{};
  Argument argument{};
  argument.status = &status;
  return ::semctl(id, 0, IPC_STAT, argument) == 0 && status.sem_nsems == kPlaces && status.sem_otime == 0 &&
         status.sem_perm.cuid == ::geteuid();
}

}  // namespace

std::optional<Semaphore> Semaphore::open(key_t key, std::uint16_t cookie) {
  const int id = ::semget(key, 0, 0);
  if (id < 0 && errno == ENOENT) return std::nullopt;
  if (id < 0) fail("open", errno);
  Raw raw{};
  const int errnum = read_all(id, raw);
  if (errnum == EACCES) fail("open", errnum);
  if (errnum != 0 || raw[kCookie] != cookie) return std::nullopt;
  Semaphore semaphore(id);
  semaphore.bounded_ = raw[kCeiling] != 0;
  return semaphore;
}

std::optional<Semaphore> Semaphore::create(key_t key, std::uint16_t cookie, const Values& values) {
  int id = ::semget(key, kPlaces, IPC_CREAT | IPC_EXCL | 0600);
  if (id < 0 && errno == EEXIST) {
    id = ::semget(key, 0, 0);
    if (id < 0 || !is_unfinished(id)) return std::nullopt;
  }
  if (id < 0) fail("create", errno);
  Operations operations;
  operations.add(kFree, values.free).add(kLimit, values.limit).add(kCookie, cookie);
  if (values.ceiling != 0) {
    operations.add(kCeiling, values.ceiling).add(kRoom, values.ceiling - values.free);
  }
  if (const int errnum = operations.perform(id); errnum != 0) fail("create", errnum);
  Semaphore semaphore(id);
  semaphore.bounded_ = values.ceiling != 0;
  return semaphore;
}

Semaphore::Outcome Semaphore::acquire(Keep keep, Deadline deadline) {
  const int undo = keep == Keep::undo ? SEM_UNDO : 0;
  for (;;) {
    const int now = deadline <= Deadline::now() ? IPC_NOWAIT : 0;
    Operations operations;
    operations.add(kFree, -1, undo | now);
    // A permit that comes back by itself still takes up room.
    if (bounded_ && keep == Keep::forever) operations.add(kRoom, 1);
    const int errnum = operations.perform(id_, deadline);
    if (errnum == EAGAIN) return Outcome::not_now;
    if (means_gone(errnum)) return Outcome::gone;
    if (errnum != 0) fail("take from", errnum);
    if (!pay_debt(keep)) return Outcome::done;
  }
}

/// With the permit that was just taken, which is then no more.
bool Semaphore::pay_debt(Keep keep) {
  const int debt = ::semctl(id_, kDebt, GETVAL);
  if (debt <= 0) return false;
  Operations operations;
  operations.add(kDebt, -1, IPC_NOWAIT);
  // What the kernel owes us for it is called off: given back by us, and taken by nobody.
  if (keep == Keep::undo) operations.add(kFree, 1, SEM_UNDO).add(kFree, -1);
  return operations.perform(id_) == 0;
}

void Semaphore::release() noexcept {
  Operations operations;
  operations.add(kFree, 1, SEM_UNDO);
  static_cast<void>(operations.perform(id_));  // a set that is gone needs nothing
}

Semaphore::Outcome Semaphore::post() {
  Operations operations;
  if (bounded_) operations.add(kRoom, -1, IPC_NOWAIT);
  operations.add(kFree, 1);
  const int errnum = operations.perform(id_);
  if (errnum == EAGAIN || errnum == ERANGE) return Outcome::not_now;
  if (means_gone(errnum)) return Outcome::gone;
  if (errnum != 0) fail("post to", errnum);
  return Outcome::done;
}

Semaphore::Outcome Semaphore::resize(int limit) {
  for (;;) {
    const auto now = values();
    if (!now) return Outcome::gone;
    const int more = limit - now->limit;
    if (more == 0) return Outcome::done;
    Operations operations;
    if (more > 0) {
      const int forgiven = std::min(more, now->debt);
      operations.add(kDebt, -forgiven, IPC_NOWAIT).add(kFree, more - forgiven).add(kLimit, more);
    } else {
      const int withdrawn = std::min(-more, now->free);
      operations.add(kFree, -withdrawn, IPC_NOWAIT)
          .add(kDebt, -more - withdrawn)
          .add(kLimit, more, IPC_NOWAIT);
    }
    const int errnum = operations.perform(id_);
    if (errnum == 0) return Outcome::done;
    if (means_gone(errnum)) return Outcome::gone;
    if (errnum != EAGAIN) fail("resize", errnum);  // else it has changed meanwhile
  }
}

std::optional<Semaphore::Values> Semaphore::values() const {
  Raw raw{};
  const int errnum = read_all(id_, raw);
  if (means_gone(errnum)) return std::nullopt;
  if (errnum != 0) fail("read", errnum);
  return Values{raw[kFree], raw[kDebt], raw[kLimit], raw[kCeiling]};
}

int Semaphore::waiters() const { return std::max(::semctl(id_, kFree, GETNCNT), 0); }

bool Semaphore::shut() {
  for (;;) {
    const auto now = values();
    if (!now || now->free == 0) return true;
    Operations operations;
    operations.add(kFree, -now->free, SEM_UNDO | IPC_NOWAIT);
    const int errnum = operations.perform(id_);
    if (errnum == 0) shut_ += now->free;
    if (errnum == 0 || means_gone(errnum)) return true;
    if (errnum != EAGAIN) return false;
  }
}

void Semaphore::reopen() noexcept {
  Operations operations;
  operations.add(kFree, std::exchange(shut_, 0), SEM_UNDO);
  if (!operations.empty()) static_cast<void>(operations.perform(id_));
}

void Semaphore::remove() {
  if (::semctl(id_, 0, IPC_RMID) != 0 && !means_gone(errno)) fail("remove", errno);
}

}  // namespace ipc
