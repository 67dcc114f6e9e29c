#pragma once
/// What a FileQueue is made of, and how its operations get at it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ipc/error.hpp"
#include "ipc/wall_timer.hpp"
#include "queue/answers.hpp"
#include "queue/bell.hpp"
#include "queue/compaction.hpp"
#include "queue/file_queue.hpp"
#include "queue/holders.hpp"
#include "queue/incoming.hpp"
#include "queue/news.hpp"
#include "queue/rebuild.hpp"
#include "queue/run_reader.hpp"
#include "queue/runs.hpp"
#include "queue/store.hpp"
#include "queue/syncer.hpp"
#include "queue/timers.hpp"
#include "queue/waiter.hpp"

namespace queue {

struct FileQueue::Parts {
  explicit Parts(std::unique_ptr<Store> opened)
      : owner(std::move(opened)),
        store(*owner),
        runs(store),
        timers(store),
        holders(store),
        answers(store),
        compactor(store, runs),
        incoming(store, runs, answers, compactor),
        name(store.path()) {}

  std::unique_ptr<Store> owner;
  Store& store;
  Runs runs;
  Timers timers;
  Holders holders;
  Answers answers;
  Compactor compactor;
  Incoming incoming;
  Syncer syncer;

  // What this object has taken and not yet settled, and where its views lead
  RunReader reader;
  Batch batch;
  std::vector<Found> found;         ///< the records of the batch, also those that are damaged
  std::vector<std::size_t> places;  ///< for each message: its index in `found`
  Lease lease{};                    ///< of the whole batch
  Run taken_run{};                  ///< what it was when it was taken
  std::optional<Waiter> getter;
  std::optional<Waiter> putter;
  bool is_waiting = false;        ///< lease_one() has prepared waiting
  ipc::Deadline dead_looked_for;  ///< when dead holders were last looked for
  std::string name;               ///< as the user calls it
  News news;
  /// Runs `operation` in a Section, with tables that can be believed; builds them anew when they cannot, or turn out
  /// not to be as they should.
  template <class Operation>
  auto locked(Operation operation) {
    for (bool again = false;; again = true) {
      try {
        Section section(store);
        if (!is_removed(store.header()) && !store.is_trusted())
          rebuild(store, [this](auto& what) { news.tell(what); });
        return operation(section);
      } catch (const Damaged& damaged) {
        if (again) throw;
        store.distrust();
        news.tell(std::string(damaged.what()) + " damaged; built anew from the messages");
      } catch (const ipc::BadValue& bad) {
        throw ipc::BadValue(name + ": " + bad.what());
      } catch (const ipc::Error& error) {
        throw ipc::Error(error.errnum(), error.operation(), name);
      }
    }
  }

  [[nodiscard]] Header& header() const noexcept { return store.header(); }
  void ring(const char* bell) noexcept { queue::ring(store.directory(), bell); }
  /// Before a commit that takes something out of the queue, was_full telling of before.
  void tell_of_room(bool was_full) noexcept;
  /// Before a commit that may have ended the last unfinished message.
  void tell_of_end() noexcept;
  // put_messages.cpp
  [[nodiscard]] Syncer::Job what_to_sync();
  void was_synced(Syncer::Job job);  ///< throws what went wrong

  // take_messages.cpp
  struct Taken {
    Stop stop = Stop::none;
    Run run{};
    Lease lease{};
    bool is_asleep = false;  ///< the waiter will tell when to look again
  };
  /// Looks for messages once, and makes them this process's, or nobody's for some time.
  [[nodiscard]] Taken try_take(std::size_t most, bool may_sleep, std::optional<ipc::Duration> lent_for);
  /// The same again and again, until `deadline`.
  [[nodiscard]] Taken take_or_wait(std::size_t most, std::optional<ipc::Duration> lent_for,
                                   ipc::Deadline deadline, Watched watched);
  [[nodiscard]] Waiter& own_getter();
  [[nodiscard]] bool begin_waiting();
  void stop_waiting() noexcept;
  /// `found` becomes messages; those that are damaged are told of and left out.
  void read_messages(const Run& run);

  /// What is due by now goes into its list. Commits.
  void wake_due(Section& section);
  /// Looks after what is due, and after dead holders.
  void look_around(Section& section);
  [[nodiscard]] Stop why_none() const noexcept;
  /// Cuts the next records off a list, as `found`; returns the run that they are now, nowhere, or 0. May commit.
  [[nodiscard]] Number cut(Section& section, std::size_t most);
  /// Reads as much of run `number` as cut() should take.
  [[nodiscard]] std::optional<RunReader::Part> read_run(const Run& run, std::size_t most);
  /// Prepares sleeping; false when it is worth looking again.
  [[nodiscard]] bool fall_asleep(Section& section);
  /// False when it is damaged, which is told.
  [[nodiscard]] bool read_message(const Found& one, unsigned attempts, Message& message);
  void give_back_rest(Section& section, Number number, std::size_t count);

  // leases.cpp
  [[nodiscard]] Number find(Lease wanted) const;  ///< 0 when it is not there any more
  /// Copies the one message that was taken; false when it is damaged.
  [[nodiscard]] bool keep(const Taken& taken, Leased& leased);
  void finish(Section& section, Number run);  ///< it is done with; commits

  // file_queue.cpp
  void put_dead_letter(const Message& message, const Death& death);
  /// Drops some of what waits or is delayed, 0 when nothing does; commits again and again.
  std::uint64_t drop_waiting(Section& section);
};

}  // namespace queue
