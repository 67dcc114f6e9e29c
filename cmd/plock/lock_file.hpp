#pragma once
/// The file that is locked: LOCK opened, or made when it is missing, and nothing more done to it, ever.
///
/// It is opened for reading, so that a script may lock itself and a user a file that he may only read; for writing too
/// only where the file system refuses locks otherwise (NFS turns flock(2) into fcntl(2) locks: EBADF, EIO). Never
/// unlinked: whoever waits has it open, and would then hold a lock that nobody else sees.

#include <optional>
#include <string>

#include "config.hpp"
#include "ipc/deadline.hpp"
#include "ipc/fd.hpp"
#include "ipc/file_id.hpp"
#include "ipc/file_lock.hpp"

class LockFile {
 public:
  /// Opens LOCK, or borrows the descriptor that config names.
  /// Throws ipc::BadValue (with LOCK in its text) for what may not be locked, ipc::Error for what cannot be opened.
  explicit LockFile(const Config& config);

  /// When not borrowed: close-on-exec and, where RLIMIT_NOFILE lets it, 20 or more, since scripts use those below.
  [[nodiscard]] int descriptor() const noexcept { return file_ ? file_.get() : borrowed_; }
  [[nodiscard]] ipc::FileId id() const noexcept { return id_; }

  /// LOCK still names this file. Always so for a borrowed descriptor, and as flock, which never looks.
  [[nodiscard]] bool is_current() const noexcept;
  /// Lets go of it, and opens what LOCK names now. Throws as the constructor does.
  void open_again();

  /// As in FileLock, but for the mode that config said, and with a descriptor for writing when it must be.
  [[nodiscard]] std::optional<ipc::FileLock> try_lock();
  [[nodiscard]] std::optional<ipc::FileLock> lock(ipc::Deadline deadline);

 private:
  void open(int access);
  void borrow();
  [[nodiscard]] bool reopen_for_writing(int errnum);

  std::string path_;
  ipc::FileLock::Mode mode_;
  int borrowed_;
  bool any_kind_;         ///< devices and FIFOs too
  bool by_name_ = false;  ///< in the runtime directory: private, and no link
  bool writing_ = false;
  ipc::Fd file_;
  ipc::FileId id_;
};

/// The file behind LOCK, which need not be there. Throws ipc::BadValue, also for a NAME that a file here has.
[[nodiscard]] std::string lock_path(const Config& config);
