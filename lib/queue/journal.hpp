#pragma once
/// Undo notes for changes to the mapped files of a queue: they become whole or not at all, also when their process is
/// killed between any two instructions.
///
/// set() notes where the store goes and what was there, counts the note, then stores; commit() forgets the notes by one
/// store of 0 to the count; roll_back() puts back what they say, the latest first, and can itself be killed and done
/// again. The order matters to the compiler alone: a killed process has done whole instructions in their order.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "queue/mapped_file.hpp"

namespace queue {

class Journal {
 public:
  static constexpr std::size_t kFiles = 5;
  using Files = std::array<MappedFile*, kFiles>;

  struct Note {
    std::uint64_t where;  ///< file << 56 | bytes << 48 | offset
    std::uint64_t before;
  };

  /// The files are borrowed; the first of them has the count and the notes, at these offsets.
  Journal(const Files& files, std::size_t count_at, std::size_t notes_at, std::size_t most) noexcept
      : files_(files), count_at_(count_at), notes_at_(notes_at), most_(most) {}

  /// `place` is in one of the files. Throws ipc::Error when the change is too large for the journal.
  template <class T>
  void set(T& place, std::type_identity_t<T> value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    if (place == value) return;
    note(reinterpret_cast<char*>(&place), sizeof(T));
    place = value;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  /// So many bytes at `place`, a multiple of 8, become those at `from`.
  void copy(void* place, const void* from, std::size_t size);
  template <class T>
  void add(T& place, std::type_identity_t<T> value) {
    set(place, static_cast<T>(place + value));
  }
  template <class T>
  void subtract(T& place, std::type_identity_t<T> value) {
    set(place, static_cast<T>(place - value));
  }

  [[nodiscard]] bool empty() const noexcept { return counter() == 0; }
  /// Its count is one that set() can have made.
  [[nodiscard]] bool is_sound() const noexcept { return counter() == count() * kOne && count() <= most_; }
  /// Time to commit, where a change is made of many that could stand alone.
  [[nodiscard]] bool is_half_full() const noexcept { return count() > most_ / 2; }
  void commit() noexcept;
  /// Of one that is not sound nothing is believed.
  void roll_back();

 private:
  /// How many notes there are, in both halves of one word: damage to it must not bring old ones to life.
  static constexpr std::uint64_t kOne = 0x1'0000'0001;
  [[nodiscard]] std::uint64_t& counter() const noexcept {
    return *reinterpret_cast<std::uint64_t*>(files_[0]->data() + count_at_);
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return counter() & 0xFFFFFFFF; }
  [[nodiscard]] Note* notes() const noexcept {
    return reinterpret_cast<Note*>(files_[0]->data() + notes_at_);
  }
  void note(const char* place, std::size_t size);

  Files files_;
  std::size_t count_at_;
  std::size_t notes_at_;
  std::size_t most_;
};

}  // namespace queue
