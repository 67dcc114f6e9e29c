#include "queue/timers.hpp"

namespace queue {

void Timers::put(Number place, Number run) {
  journal_.set(store_.timer(place), run);
  journal_.set(store_.run(run).timer, place);
}

void Timers::rise(Number place, Number run) {
  const std::int64_t time = store_.run(run).time;
  for (; place > 1 && time < time_at(place / 2); place /= 2) put(place, store_.timer(place / 2));
  put(place, run);
}

void Timers::sink(Number place, Number run) {
  const std::int64_t time = store_.run(run).time;
  const Number count = store_.header().timers;
  for (;;) {
    Number child = place * 2;
    if (child > count) break;
    if (child < count && time_at(child + 1) < time_at(child)) ++child;
    if (time_at(child) >= time) break;
    put(place, store_.timer(child));
    place = child;
  }
  put(place, run);
}

void Timers::add(Number run) {
  journal_.add(store_.header().timers, 1);
  rise(store_.header().timers, run);
}

void Timers::remove(Number run) {
  const Number place = store_.run(run).timer;
  const Number count = store_.header().timers;
  if (place == 0 || place > count || store_.timer(place) != run) throw Damaged("timers");
  const Number moved = store_.timer(count);
  journal_.set(store_.header().timers, count - 1);
  journal_.set(store_.run(run).timer, 0);
  if (moved == run) return;
  // It may belong above or below the gap.
  if (place > 1 && store_.run(moved).time < time_at(place / 2)) {
    rise(place, moved);
  } else {
    sink(place, moved);
  }
}

}  // namespace queue
