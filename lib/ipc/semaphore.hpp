#pragma once
/// Counting semaphores: sets of System V semaphores (semop(2)), which the kernel keeps and gives back for the dead.
///
/// A set has, besides the free permits, what must change together with them in one semop(): the permits that a shrunk
/// semaphore still has to collect (its debt), how many there are in all (its limit), the room below its ceiling, the
/// ceiling, and a cookie that tells the set from somebody else's under the same key. Nothing is ever set by SETVAL,
/// which would forget what the kernel owes the dead.
///
/// Creation: the set is made with IPC_EXCL, and all its values are given by one semop(); until then its cookie is
/// not there and open() does not know it. Who creates or removes must keep others from doing so at the same time (by a
/// lock on the file that has the key). Everything else is safe among any number of processes.
///
/// A handle: the set outlives it, and the process, until remove(). IPC namespaces do not share sets.

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "ipc/deadline.hpp"

namespace ipc {

class Semaphore {
 public:
  static constexpr int kMost = 32767;  ///< SEMVMX (semctl(2)): no value can be more

  struct Values {
    int free = 0;     ///< permits to be had
    int debt = 0;     ///< permits to be withdrawn as they are given back
    int limit = 0;    ///< permits in all, as last said
    int ceiling = 0;  ///< the most that may be free or come back by itself, 0: kMost

    /// What may be taken: a permit that is free pays the debt first.
    [[nodiscard]] int available() const noexcept { return free > debt ? free - debt : 0; }
  };
  /// What an operation met: `gone` when the set has been removed, before it or while it waited.
  enum class Outcome { done, not_now, gone };
  /// undo: the kernel gives the permit back when this process ends, however that happens; it stays over execve(2).
  enum class Keep { undo, forever };

  /// Nothing when there is no set of ours under `key`. Throws Error, also when it is another user's.
  [[nodiscard]] static std::optional<Semaphore> open(key_t key, std::uint16_t cookie);
  /// Nothing when the key is taken; one that was left unfinished is finished. `cookie`: 1 to kMost. `values`: its
  /// debt is not used. Throws Error.
  [[nodiscard]] static std::optional<Semaphore> create(key_t key, std::uint16_t cookie, const Values& values);

  /// Takes a permit; not_now when none has come free before `deadline` (now: without waiting). Pays the debt first.
  [[nodiscard]] Outcome acquire(Keep keep, Deadline deadline);
  /// Gives back a permit that was taken with Keep::undo.
  void release() noexcept;
  /// Adds a permit that nobody gave back; not_now at the ceiling.
  [[nodiscard]] Outcome post();
  /// More permits are free at once; fewer, as soon as they are given back. Not for one with a ceiling.
  [[nodiscard]] Outcome resize(int limit);

  /// Nothing when the set is gone.
  [[nodiscard]] std::optional<Values> values() const;
  /// How many processes wait for a permit.
  [[nodiscard]] int waiters() const;

  /// Takes all permits that are free, so that nobody gets one between a look at who holds some and remove(). They are
  /// given back by reopen(), or by the end of this process. False when the kernel refuses.
  [[nodiscard]] bool shut();
  void reopen() noexcept;
  void remove();

 private:
  explicit Semaphore(int id) noexcept : id_(id) {}
  [[nodiscard]] bool pay_debt(Keep keep);

  int id_;
  bool bounded_ = false;
  int shut_ = 0;  ///< the permits that shut() has taken
};

}  // namespace ipc
