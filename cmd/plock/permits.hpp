#pragma once
/// A semaphore as the command line names it, and the getting of permits.

#include <memory>
#include <optional>
#include <string>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/roster.hpp"
#include "ipc/semaphore_file.hpp"

class Permits {
 public:
  /// Opens it; makes it when it is missing and `may_make`. Nothing when it is missing otherwise. Throws ipc::BadValue,
  /// also when it has another limit or ceiling than config says, ipc::SemaphoreFile::Orphaned, and ipc::Error.
  [[nodiscard]] static std::optional<Permits> open(const Config& config, bool may_make);

  /// Takes one, waiting as config says; the process is on the roster from before on. Returns the status when there is
  /// none to be had, told on stderr, else nothing. Throws ipc::Error.
  [[nodiscard]] std::optional<int> obtain(ipc::Semaphore::Keep keep);
  /// Gives back the one that was taken with Keep::undo.
  void release();

  [[nodiscard]] ipc::SemaphoreFile& file() noexcept { return file_; }

 private:
  Permits(const Config& config, std::string path, ipc::SemaphoreFile file)
      : config_(config), path_(std::move(path)), file_(std::move(file)) {}

  [[nodiscard]] static std::optional<ipc::SemaphoreFile> open_file(const Config& config,
                                                                   const std::string& path, bool may_make);
  void enter();
  void make_anew();
  [[nodiscard]] ipc::Semaphore::Outcome try_for(ipc::Semaphore::Keep keep, ipc::Deadline deadline);
  [[nodiscard]] std::optional<int> wait_for(ipc::Semaphore::Keep keep);
  [[nodiscard]] bool reopen();
  [[nodiscard]] bool is_hopeless() const;
  [[nodiscard]] std::string taken() const;

  const Config& config_;
  std::string path_;
  ipc::SemaphoreFile file_;
  std::unique_ptr<ipc::Roster> place_;  ///< while it has or wants a permit
};

/// What `use` returns; what it throws, named as the user did.
template <class Use>
auto named(const Config& config, Use use) {
  try {
    return use();
  } catch (const ipc::BadValue& bad) {
    throw ipc::BadValue(config.lock + ": " + bad.what());
  } catch (const ipc::Error& error) {
    throw ipc::Error(error.errnum(), error.operation(), config.lock);
  }
}

/// The file of the semaphore that config names. Throws ipc::BadValue.
[[nodiscard]] std::string semaphore_path(const Config& config);
