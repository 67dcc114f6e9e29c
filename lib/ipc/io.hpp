#pragma once
/// Whole reads and writes, files and directories at once, and the cutting of a byte stream into records.

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// Writes all of `bytes`, whatever EINTR and short writes do. Returns 0, or the errno that stopped it.
[[nodiscard]] int write_all(int fd, std::string_view bytes) noexcept;

/// One read(2), repeated on EINTR: the number of bytes, 0 at the end, -1 with errno set.
[[nodiscard]] ssize_t read_some(int fd, std::span<char> room) noexcept;

/// All of a small file, or nothing when it cannot be read. For /proc and /sys.
[[nodiscard]] std::optional<std::string> read_small_file(const char* path);

/// The names in a directory but for "." and "..", or nothing, with errno set, when it cannot be opened.
[[nodiscard]] std::optional<std::vector<std::string>> names_in(const std::string& directory);

/// Cuts a stream into records that end with one delimiter byte, without ever holding more than one record
/// and one buffer. The caller reads into room(), says filled(), and takes records until there is none.
class RecordSplitter {
 public:
  struct Record {
    std::string_view bytes;  ///< without the delimiter; valid until the next call of anything here
    bool too_long = false;   ///< it was longer than the limit, and bytes holds only its beginning
  };

  /// `longest`: bytes of a record that are kept; what a record has beyond is read and dropped.
  RecordSplitter(char delimiter, std::size_t longest);

  /// Where the next bytes go: never empty. Invalidates records.
  [[nodiscard]] std::span<char> room();
  void filled(std::size_t count) noexcept { end_ += count; }

  /// The next record whose delimiter has come.
  [[nodiscard]] std::optional<Record> next();
  /// At the end of the input: what came after the last delimiter, if anything did. Resets the splitter.
  [[nodiscard]] std::optional<Record> last();

 private:
  static constexpr std::size_t kBuffer = 64 * 1024;

  char delimiter_;
  std::size_t longest_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_;
  std::size_t begin_ = 0;    ///< of the unconsumed bytes
  std::size_t scanned_ = 0;  ///< no delimiter in [begin_, scanned_)
  std::size_t end_ = 0;
  bool overlong_ = false;  ///< the record at begin_ has had bytes dropped
};

}  // namespace ipc
