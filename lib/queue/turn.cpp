#include "queue/turn.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "ipc/pipe.hpp"
#include "queue/mapped_file.hpp"

namespace queue {
namespace {

struct flock range_of(off_t begin, off_t count, short type) noexcept {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = begin;
  range.l_len = count;
  return range;
}

}  // namespace

struct Turn::Shared {
  ipc::Fd locks;
  ipc::Fd tell;
  std::mutex mutex;
  std::condition_variable changed;
  bool has_thread = false;
  off_t ticket = 0;      ///< 0: does not stand in line
  bool granted = false;  ///< it is the first
  bool told = false;     ///< a byte is in the pipe

  /// The byte of somebody who stands before `number`, 0 when there is nobody.
  [[nodiscard]] off_t somebody_before(off_t number) const {
    auto range = range_of(1, number - 1, F_WRLCK);
    if (number == 1) return 0;
    while (::fcntl(locks.get(), F_OFD_GETLK, &range) != 0) {
      if (errno != EINTR) return 0;
    }
    return range.l_type == F_UNLCK ? 0 : range.l_start;
  }
  void unlock(off_t number) const noexcept {
    auto range = range_of(number, 1, F_UNLCK);
    while (::fcntl(locks.get(), F_OFD_SETLK, &range) != 0 && errno == EINTR) {
    }
  }
  void take_back_word(int told_fd) noexcept {
    char byte = 0;
    if (std::exchange(told, false)) static_cast<void>(ipc::read_some(told_fd, {&byte, 1}));
  }
  void wait_for(off_t number) const noexcept {
    auto range = range_of(number, 1, F_WRLCK);
    while (::fcntl(locks.get(), F_OFD_SETLKW, &range) != 0 && errno == EINTR) {
    }
    unlock(number);
  }
  void stand_in_line() noexcept;
};

/// The thread's whole life.
void Turn::Shared::stand_in_line() noexcept {
  for (;;) {
    off_t number = 0;
    {
      std::unique_lock guard(mutex);
      changed.wait(guard, [this] { return ticket != 0 && !granted; });
      number = ticket;
    }
    // First for the one just before, so that few wait for the same; then for any that were before that one.
    off_t before = number - 1;
    for (; before != 0; before = somebody_before(number)) wait_for(before);
    const std::lock_guard guard(mutex);
    if (ticket != number) continue;
    granted = told = true;
    static_cast<void>(ipc::write_all(tell.get(), "t"));
  }
}

Turn::Turn(int directory, const char* name, std::uint64_t& tickets)
    : tickets_(tickets), shared_(std::make_unique<Shared>().release()) {
  shared_->locks = open_if_there(directory, name, O_RDWR);
  ipc::Pipe pipe = ipc::Pipe::create();
  told_ = std::move(pipe.read_end);
  shared_->tell = std::move(pipe.write_end);
}

Turn::~Turn() {
  pass();
  if (!shared_->has_thread) delete shared_;
}

/// A ticket whose byte is locked before anybody else has drawn one: later ones are sure to see it.
off_t Turn::draw() {
  for (;;) {
    const std::uint64_t drawn = std::atomic_ref(tickets_).fetch_add(1) + 1;
    const auto number = static_cast<off_t>(drawn);
    auto own = range_of(number, 1, F_WRLCK);
    const bool locked = ::fcntl(shared_->locks.get(), F_OFD_SETLK, &own) == 0;
    if (!locked && errno != EAGAIN && errno != EACCES && errno != EINTR) ipc::throw_errno("lock", "turn");
    if (locked && std::atomic_ref(tickets_).load() == drawn) return number;
    if (locked) shared_->unlock(number);
  }
}

bool Turn::take() {
  if (!shared_->locks) return true;
  const std::lock_guard guard(shared_->mutex);
  if (shared_->ticket != 0) {
    shared_->take_back_word(told_.get());
    return shared_->granted;
  }
  const off_t number = draw();
  shared_->ticket = number;
  shared_->granted = shared_->somebody_before(number) == 0;
  if (!shared_->granted) start_thread();
  return shared_->granted;
}

void Turn::start_thread() {
  shared_->changed.notify_one();
  if (shared_->has_thread) return;
  // Signals are for the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int errnum = 0;
  try {
    std::thread([shared = shared_] { shared->stand_in_line(); }).detach();
    shared_->has_thread = true;
  } catch (const std::system_error& error) {
    errnum = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (errnum != 0) throw ipc::Error(errnum, "", "thread");
}

void Turn::pass() noexcept {
  const std::lock_guard guard(shared_->mutex);
  shared_->take_back_word(told_.get());
  if (shared_->ticket != 0) shared_->unlock(shared_->ticket);
  shared_->ticket = 0;
  shared_->granted = false;
}

}  // namespace queue
