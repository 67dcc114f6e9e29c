#pragma once
/// The lock of a queue, held: everything is looked at and changed inside of one.

#include "ipc/file_lock.hpp"

namespace queue {

class Store;

/// The lock, held. What a dead process left undone has been undone, or done to its end, before it is there.
/// Ending without commit() undoes what was changed.
class Section {
 public:
  explicit Section(Store& store);
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  ~Section();

  /// Makes the changes so far final; more may follow.
  void commit();
  /// Takes back what was changed since the last commit.
  void undo() { clean_up(); }

 private:
  void clean_up();
  void finish_notes();

  Store& store_;
  ipc::FileLock lock_;
};

}  // namespace queue
