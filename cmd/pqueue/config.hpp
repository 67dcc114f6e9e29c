#pragma once
/// What the command line asks for, checked and complete.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framing.hpp"
#include "ipc/duration.hpp"
#include "queue/file_queue.hpp"
#include "queue/queue.hpp"
#include "queue/shape.hpp"

enum class Verb {
  put,
  get,
  call,
  result,
  done,
  requeue,
  join,
  close,
  size,
  empty,
  full,
  stat,
  peek,
  purge,
  verify,
  rm,
  list,
  create,
};

struct Config {
  Verb verb = Verb::list;
  std::string name;  ///< NAME, as the user wrote it
  Framing framing;

  // Waiting
  std::optional<ipc::Duration> timeout;  ///< of one wait; none: as long as it takes; 0: not at all

  // A new queue
  queue::Shape shape;
  bool allow_network = false;

  // put and call
  std::vector<std::string_view> messages;  ///< MESSAGE operands, parts of argv
  queue::PutOptions put;
  bool print_ids = false;

  // get
  std::optional<std::uint64_t> count;  ///< -c
  bool all = false;
  bool follow = false;
  std::optional<ipc::Duration> lease_time;  ///< --lease

  // get with a COMMAND
  std::vector<std::string> command;  ///< empty: messages are printed
  unsigned jobs = 1;
  bool on_stdin = false;
  unsigned retries = 3;
  ipc::Duration backoff{0};
  std::optional<ipc::Duration> limit;
  ipc::Duration kill_after = std::chrono::seconds(2);
  std::optional<std::uint64_t> max_message;  ///< of an answer; none: what the queue allows

  // Other verbs
  std::uint64_t id = 0;  ///< of result
  queue::Lease lease;    ///< of done and requeue
  bool now = false;
  bool force = false;
  bool json = false;
  bool verbose = false;

  /// -n, or -t 0, which means the same everywhere.
  [[nodiscard]] bool no_wait() const noexcept { return timeout == ipc::Duration::zero(); }
};

/// Reads the command line. Throws UsageError, or Answer for --help and its like.
[[nodiscard]] Config configure(int argc, char** argv);
