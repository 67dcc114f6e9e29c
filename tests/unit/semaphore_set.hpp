#pragma once
/// A System V semaphore set under a key of the test's own, which is gone at the end.

#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <random>

#include "ipc/semaphore.hpp"
#include "tap.hpp"

class SemaphoreSet {
 public:
  static constexpr std::uint16_t kCookie = 4711;

  /// Only the key: no set is there yet.
  SemaphoreSet() {
    std::random_device random;
    do {
      key_ = static_cast<key_t>(random());
    } while (key_ == IPC_PRIVATE || exists());
  }
  SemaphoreSet(const SemaphoreSet&) = delete;
  SemaphoreSet& operator=(const SemaphoreSet&) = delete;
  ~SemaphoreSet() { remove(); }

  [[nodiscard]] key_t key() const noexcept { return key_; }
  [[nodiscard]] int id() const noexcept { return ::semget(key_, 0, 0); }
  [[nodiscard]] bool exists() const noexcept { return id() >= 0; }
  void remove() const noexcept {
    if (const int set = id(); set >= 0) ::semctl(set, 0, IPC_RMID);
  }

  [[nodiscard]] std::optional<ipc::Semaphore> create(int limit, int ceiling = 0) const {
    return ipc::Semaphore::create(key_, kCookie, {limit, 0, limit, ceiling});
  }
  [[nodiscard]] std::optional<ipc::Semaphore> open() const { return ipc::Semaphore::open(key_, kCookie); }

 private:
  key_t key_ = IPC_PRIVATE;
};

inline void check_values(const ipc::Semaphore& semaphore, int free, int debt, int limit,
                         tap::Here at = tap::Here::current()) {
  const auto values = semaphore.values();
  require(values.has_value(), "the set is there", at);
  check_equal(values->free, free, "free", at);
  check_equal(values->debt, debt, "debt", at);
  check_equal(values->limit, limit, "limit", at);
}
