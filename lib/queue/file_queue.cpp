/// Opening and removing, and what concerns the queue as a whole.

#include "queue/file_queue.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ipc/error.hpp"
#include "queue/make_store.hpp"
#include "queue/parts.hpp"
#include "queue/removal.hpp"
#include "queue/verify.hpp"
#include "queue/waiting.hpp"

namespace queue {
namespace {

constexpr std::string_view kSuffix = ".queue";
constexpr std::string_view kDead = ".dead";
/// Runs that are dropped under one lock; others get their turn then.
constexpr std::size_t kTurn = 4096;

/// The name without its suffix, and that.
std::pair<std::string, std::string> split_suffix(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (!path.ends_with(kSuffix)) return {std::string(path), {}};
  return {std::string(path.substr(0, path.size() - kSuffix.size())), std::string(kSuffix)};
}

std::string dead_path(std::string_view path) {
  const auto [stem, suffix] = split_suffix(path);
  return stem + std::string(kDead) + suffix;
}

/// Some of the runs that are delayed.
std::vector<Number> some_delayed(Store& store) {
  std::vector<Number> some;
  for (Number place = 1; place <= store.header().timers && some.size() < kTurn; ++place) {
    const Number number = store.timer(place);
    if (store.run(number).state == RunState::delayed) some.push_back(number);
    store.forget_pages_in_time();
  }
  return some;
}

}  // namespace

FileQueue::FileQueue(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

FileQueue::~FileQueue() {
  if (!is_holder()) return;
  try {
    parts_->locked([&](Section& section) {
      if (is_removed(parts_->header())) return;
      parts_->holders.leave();
      section.commit();
    });
  } catch (const std::exception&) {
    // The next one finds a dead holder.
  }
}

std::unique_ptr<FileQueue> FileQueue::open(const std::string& path, const Shape* shape, bool allow_network) {
  for (;;) {
    auto store = Store::open(path, shape != nullptr ? Store::Use::change : Store::Use::look);
    if (store) {
      const Header& header = store->header();
      if (!allow_network) refuse_network(path, store->directory());
      if (shape != nullptr) insist_on_shape(path, header, *shape);
      return std::unique_ptr<FileQueue>(new FileQueue(std::make_unique<Parts>(std::move(store))));
    }
    if (shape == nullptr) return nullptr;
    make_store(path, *shape);
  }
}

bool FileQueue::is_holder() const noexcept { return parts_->holders.registered() != 0; }

void FileQueue::call_it(std::string name) { parts_->name = std::move(name); }

std::uint64_t FileQueue::max_message() const noexcept { return parts_->header().max_message; }

bool FileQueue::has_dead_letters() const {
  return !split_suffix(parts_->store.path()).first.ends_with(kDead);
}

std::unique_ptr<FileQueue> FileQueue::dead_letters() const {
  return has_dead_letters() ? open(dead_path(parts_->store.path()), nullptr, true) : nullptr;
}

void FileQueue::Parts::put_dead_letter(const Message& message, const Death& death) {
  incoming.prepare_dead_letter(message, death);
  PutOptions options;
  options.priority = message.priority;
  Incoming::Progress progress;
  locked([&](Section& section) { incoming.add(section, options, kDeadLetter, progress); });
  if (progress.stop != Stop::none) throw ipc::Error(EPIPE, "", name + ": closed or full");
}

bool FileQueue::bury(Lease lease, const Death& death) {
  Parts& p = *parts_;
  Shape shape;
  shape.max_message = kLargestMessage;
  shape.mode = p.header().mode;
  shape.no_sync = p.header().no_sync;
  shape.allow_network = p.header().allow_network;
  auto dead = dead_letters();
  if (!dead) dead = open(dead_path(p.store.path()), &shape, true);
  const bool is_there = p.locked([&](Section&) {
    const Number number = is_removed(p.header()) ? 0 : p.find(lease);
    if (number == 0) return false;
    static_cast<void>(p.read_run(p.store.run(number), 1));
    return !p.found.empty();
  });
  if (!is_there) return false;
  // There first, then no more here: whoever is killed in between leaves it in both.
  Message message;
  if (p.read_message(p.found.front(), death.attempts, message)) {
    dead->parts_->put_dead_letter(message, death);
    dead->sync();
  }
  return p.locked([&](Section& section) {
    const Number number = is_removed(p.header()) ? 0 : p.find(lease);
    if (number == 0) return false;
    p.store.journal().add(p.header().dead, 1);
    p.finish(section, number);
    return true;
  });
}

Queue::Size FileQueue::size() {
  Parts& p = *parts_;
  return p.locked([&](Section& section) {
    if (!is_removed(p.header())) p.look_around(section);
    return Size{p.header().queued + p.header().delayed, p.header().bytes, is_full(p.header())};
  });
}

std::uint64_t FileQueue::Parts::drop_waiting(Section& section) {
  std::uint64_t dropped = 0;
  std::size_t turn = 0;
  const auto drop = [&](Number number) {
    ++turn;
    dropped += store.run(number).count;
    answers.drop(store.run(number));
    const bool was_full = is_full(header());
    runs.withdraw(number);
    runs.drop(number);
    tell_of_room(was_full);
    tell_of_end();
    section.commit();
  };
  for (int priority = 0; priority < kPriorities; ++priority) {
    while (header().lists[priority].head != 0 && turn < kTurn) {
      drop(runs.first_queued(priority));
      runs.tighten();
    }
  }
  // Those that are lent stay. The heap's order changes with every removal, so some are looked up, then dropped.
  if (turn < kTurn) {
    for (const Number number : some_delayed(store)) drop(number);
    runs.tighten();
  }
  return dropped;
}

/// As many as are there at the beginning: what is put meanwhile may stay.
std::uint64_t FileQueue::purge() {
  Parts& p = *parts_;
  const std::uint64_t there = p.locked([&](Section&) { return p.header().queued + p.header().delayed; });
  std::uint64_t dropped = 0;
  while (dropped < there) {
    const std::uint64_t some =
        p.locked([&](Section& section) { return is_removed(p.header()) ? 0 : p.drop_waiting(section); });
    if (some == 0) break;
    dropped += some;
  }
  return dropped;
}

void FileQueue::close(bool now) {
  Parts& p = *parts_;
  p.locked([&](Section& section) {
    p.ring(kGetBell);
    p.ring(kPutBell);
    p.store.journal().set(p.header().is_closed, true);
    section.commit();
  });
  if (now) static_cast<void>(purge());
}

Stop FileQueue::join(ipc::Deadline deadline, Watched watched) {
  Parts& p = *parts_;
  Waiter waiter(p.store.directory(), kJoinBell);
  for (;;) {
    static_cast<void>(waiter.begin());
    const Stop stop = p.locked([&](Section&) {
      if (is_removed(p.header())) return Stop::removed;
      return unfinished(p.header()) == 0 ? Stop::none : Stop::empty;
    });
    if (stop != Stop::empty || deadline == ipc::Deadline::past()) return stop;
    const Woken woken = wait_for(waiter.descriptor(), watched, deadline);
    if (woken == Woken::watched) return Stop::watched;
    if (woken == Woken::late) return Stop::empty;
  }
}

std::vector<std::string> FileQueue::verify() {
  return parts_->locked([&](Section&) { return queue::verify(parts_->store); });
}

std::vector<std::string> FileQueue::news_of_damage() { return parts_->news.take(); }

FileQueue::Removal FileQueue::remove(const std::string& path, bool force) {
  const auto queue = open(path, nullptr, true);
  if (!queue) return Removal::missing;
  Parts& p = *queue->parts_;
  const Removal removal = p.locked([&](Section&) {
    if (is_removed(p.header())) return Removal::missing;
    p.holders.bury_dead();
    if (p.header().leased > 0 && !force) return Removal::in_use;
    for (const char* bell : {kGetBell, kPutBell, kJoinBell}) p.ring(bell);
    ring_answers(p.store.directory());
    p.header().removal = kRemoved;
    return Removal::removed;
  });
  if (removal == Removal::removed) finish_removal(path);
  return removal;
}

}  // namespace queue
