#pragma once
/// Where records come from, one at a time and only when asked for.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "claim.hpp"
#include "config.hpp"
#include "ipc/fd.hpp"
#include "ipc/io.hpp"

struct Record {
  std::vector<std::string> fields;  ///< one, or one for each ::: group
  bool too_long = false;            ///< longer than any argument could be; only its beginning is here
  Claim claim{};
};

class Source {
 public:
  enum class State {
    record,   ///< there is one
    pending,  ///< none yet: ask again when descriptor() is readable
    busy,     ///< none among many that were passed over: look after other things, and ask again
    end
  };

  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// Throws ipc::Error when the input cannot be read.
  [[nodiscard]] virtual State next(Record& record) = 0;
  /// What to wait for while pending.
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
  /// How many records there will be, where that is known beforehand.
  [[nodiscard]] virtual std::optional<std::uint64_t> total() const noexcept = 0;
};

/// Delimited records of files, one file after the other. Reads a buffer when it is asked for a record and has
/// none, never ahead, and never waits.
class StreamSource final : public Source {
 public:
  /// A record that is longer than this cannot be an argument nor be cut into columns that are.
  static constexpr std::size_t kLongest = std::size_t{1} << 20;

  /// Opens all `files` ("-" and none at all: stdin); waits where opening does (a FIFO). Throws ipc::Error.
  StreamSource(const std::vector<std::string>& files, char delimiter);

  [[nodiscard]] State next(Record& record) override;
  [[nodiscard]] int descriptor() const noexcept override { return inputs_[current_].fd.get(); }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept override { return std::nullopt; }

 private:
  struct Input {
    ipc::Fd fd;
    std::string name;
    /// How a read is kept from waiting: it never does, by O_NONBLOCK, by MSG_DONTWAIT, or by asking poll() before.
    enum class Kind { file, reopened, socket, other } kind = Kind::other;
  };
  [[nodiscard]] bool take(const std::optional<ipc::RecordSplitter::Record>& found, Record& record);
  static void never_wait(Input& input, mode_t mode);
  [[nodiscard]] bool would_wait() const noexcept;
  [[nodiscard]] ssize_t read(std::span<char> room) const noexcept;

  std::vector<Input> inputs_;
  std::size_t current_ = 0;
  ipc::RecordSplitter splitter_;
};

/// The product of the ::: groups, the last varying fastest, without ever building it.
class ValueSource final : public Source {
 public:
  explicit ValueSource(std::vector<std::vector<std::string>> groups);

  [[nodiscard]] State next(Record& record) override;
  [[nodiscard]] int descriptor() const noexcept override { return -1; }
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept override { return total_; }

 private:
  std::vector<std::vector<std::string>> groups_;
  std::vector<std::size_t> at_;
  std::optional<std::uint64_t> total_;  ///< none when 64 bits cannot hold it
  bool ended_ = false;
};

[[nodiscard]] std::unique_ptr<Source> make_source(const Config& config);
