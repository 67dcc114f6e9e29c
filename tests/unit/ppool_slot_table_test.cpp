#include <random>
#include <set>

#include "slot_table.hpp"
#include "tap.hpp"

namespace {

ipc::SpoolStore store(0, "/nonexistent");

void occupy(Slot& slot) { slot.job = std::make_unique<Job>(1, JobInput{{"x"}, Unfit::no}, store); }

}  // namespace

TEST("slots are numbered from 1, and the lowest free one is taken") {
  SlotTable table;
  std::vector<Slot*> slots;
  for (unsigned i = 1; i <= 5; ++i) {
    slots.push_back(&table.take());
    check_equal(slots.back()->number, i);
  }
  table.give_back(*slots[3]);
  table.give_back(*slots[0]);
  table.give_back(*slots[2]);
  check_equal(table.take().number, 1U);
  check_equal(table.take().number, 3U);
  check_equal(table.take().number, 4U);
  check_equal(table.take().number, 6U);
}

TEST("whatever the order, no number is above how many are taken at a time") {
  SlotTable table;
  std::mt19937 random(17);
  std::vector<Slot*> taken;
  for (int step = 0; step < 5000; ++step) {
    if (!taken.empty() && (taken.size() == 8 || random() % 2 == 0)) {
      const std::size_t which = random() % taken.size();
      table.give_back(*taken[which]);
      taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      std::set<unsigned> numbers;
      for (const Slot* slot : taken) numbers.insert(slot->number);
      unsigned lowest = 1;
      while (numbers.contains(lowest)) ++lowest;
      taken.push_back(&table.take());
      if (!check_equal(taken.back()->number, lowest)) return;
    }
  }
}

TEST("slots never move") {
  SlotTable table;
  Slot* first = &table.take();
  for (int i = 0; i < 1000; ++i) (void)table.take();
  check_equal(&*table.begin() == first, true);
  check_equal(first->number, 1U);
}

TEST("an event finds the slot whose job it is for, and nothing once that job has ended") {
  SlotTable table;
  Slot& slot = table.take();
  occupy(slot);
  const ipc::Token token = SlotTable::token(4, slot);
  check_equal(static_cast<int>(token.kind), 4);
  check(table.find(token) == &slot);
  slot.job.reset();
  check(table.find(token) == nullptr, "it has no job");
  table.give_back(slot);
  Slot& again = table.take();
  occupy(again);
  check(&again == &slot);
  check(table.find(token) == nullptr, "it has another job");
  check(table.find(SlotTable::token(4, again)) == &again);
  check(table.find({4, 0, 99}) == nullptr, "there is no such slot");
}

TEST("generations wrap as tokens do") {
  SlotTable table;
  Slot& slot = table.take();
  occupy(slot);
  slot.generation = 0xffffff;
  check(table.find(SlotTable::token(0, slot)) == &slot);
  const ipc::Token before = SlotTable::token(0, slot);
  ++slot.generation;
  check(table.find(SlotTable::token(0, slot)) == &slot);
  check(table.find(before) == nullptr);
}

TEST("clear() forgets all") {
  SlotTable table;
  table.give_back(table.take());
  (void)table.take();
  table.clear();
  check(table.begin() == table.end());
  check_equal(table.take().number, 1U);
}
