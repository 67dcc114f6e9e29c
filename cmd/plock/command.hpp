#pragma once
/// COMMAND: its words, its environment, and turning into it.

#include <string>
#include <vector>

#include "config.hpp"
#include "heirloom.hpp"
#include "ipc/lookup.hpp"

class Command {
 public:
  explicit Command(const Config& config);
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Adds the entry to the environment that COMMAND gets.
  void bequeath(const Heirloom& heirloom);

  /// Replaces this process; `descriptor` stays open in it (-1: none). Returns only when that fails: the status, told.
  [[nodiscard]] int become(int descriptor);

  /// After an exec that failed with `errnum`: whether it is now a shell that reads the file, as execvp(3) does with
  /// scripts that do not say what reads them. Only as flock, which has always done so.
  [[nodiscard]] bool turn_to_shell(int errnum);

  [[nodiscard]] const char* path() const noexcept { return lookup_.path.c_str(); }
  [[nodiscard]] char* const* argv() const noexcept { return argv_.data(); }
  [[nodiscard]] char* const* envp() const noexcept { return envp_.data(); }

  /// Whether it was found; when not, complain() tells.
  [[nodiscard]] bool found() const noexcept { return lookup_.errnum == 0; }
  /// Tells "COMMAND: TEXT".
  void say(const std::string& text) const;
  /// Tells why it could not be executed; returns the status for that.
  [[nodiscard]] int complain(int errnum) const;
  [[nodiscard]] int complain() const { return complain(lookup_.errnum); }

 private:
  const Config& config_;
  std::vector<char*> argv_;  ///< ends in nullptr
  std::vector<char*> envp_;  ///< ends in nullptr
  std::string heirlooms_;    ///< the entry, when there is one of ours
  std::string script_;       ///< what a shell reads in its place
  ipc::Lookup lookup_;
};
