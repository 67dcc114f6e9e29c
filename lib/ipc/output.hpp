#pragma once
/// A tool's own stdout or stderr, written without ever waiting in write(2), so that a reader who pauses cannot
/// keep the tool from its signals and its jobs.
/// What cannot be written yet waits in a queue of spools.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "ipc/sink.hpp"
#include "ipc/spool.hpp"

namespace ipc {

class Output {
 public:
  enum class Condition { fine, reader_gone, failed };

  /// `fd` is borrowed. `name` is for messages.
  Output(int fd, const char* name, SpoolStore& store);

  /// Takes the bytes over and writes what can be written at once.
  void write(std::string_view bytes);
  void write(Spool&& bytes);
  /// Goes on writing: after the descriptor() became writable.
  void flush();

  /// What to watch: for writability while blocked(), for hang-ups always.
  [[nodiscard]] int descriptor() const noexcept { return sink_.descriptor(); }
  /// Something waits to be written.
  [[nodiscard]] bool blocked() const noexcept { return !pending_.empty(); }
  /// So much waits that what feeds it should wait, too.
  [[nodiscard]] bool congested() const noexcept { return accepted_ - written_ > kCongestion; }

  /// Bytes taken over, and of these written, since the beginning.
  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

  [[nodiscard]] Condition condition() const noexcept { return condition_; }
  [[nodiscard]] int errnum() const noexcept { return sink_.errnum(); }
  /// It has failed, and this has not been asked since.
  [[nodiscard]] bool has_news_of_failure() noexcept {
    return condition_ == Condition::failed && !std::exchange(told_, true);
  }
  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] bool is_terminal() const noexcept { return sink_.is_terminal(); }

 private:
  static constexpr std::uint64_t kCongestion = std::uint64_t{1} << 20;

  /// Writes some of `bytes`; 0 when it would wait or has failed.
  [[nodiscard]] std::size_t write_some(std::string_view bytes);

  Sink sink_;
  const char* name_;
  SpoolStore& store_;
  std::deque<Spool> pending_;
  std::uint64_t accepted_ = 0;
  std::uint64_t written_ = 0;
  Condition condition_ = Condition::fine;
  bool told_ = false;
};

/// Descriptors 1 and 2 lead to the same place (2>&1, or one terminal).
[[nodiscard]] bool same_file(int one, int other);

}  // namespace ipc
