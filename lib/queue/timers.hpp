#pragma once
/// The runs that something happens to at a time, as a binary heap with the earliest at place 1
/// (J. W. J. Williams, "Algorithm 232: Heapsort", CACM 7, 1964). Each run knows its place.

#include <cstdint>

#include "queue/store.hpp"

namespace queue {

class Timers {
 public:
  explicit Timers(Store& store) noexcept : store_(store), journal_(store.journal()) {}

  /// By its Run::time; reserve_timers() has made room.
  void add(Number run);
  void remove(Number run);
  /// The earliest; 0 when there is none.
  [[nodiscard]] Number first() const { return store_.header().timers == 0 ? 0 : store_.timer(1); }

 private:
  void put(Number place, Number run);
  void rise(Number place, Number run);
  void sink(Number place, Number run);
  [[nodiscard]] std::int64_t time_at(Number place) const { return store_.run(store_.timer(place)).time; }

  Store& store_;
  Journal& journal_;
};

}  // namespace queue
