#pragma once
/// The end of a stream: of what was written to it, the last bytes.

#include <cstddef>
#include <string>
#include <string_view>

namespace ipc {

class Tail {
 public:
  static constexpr std::size_t kKept = 4096;

  void append(std::string_view bytes) {
    if (bytes.size() > kKept) bytes.remove_prefix(bytes.size() - kKept);
    // Room for twice as much, so that not every piece moves all that is kept.
    if (text_.size() + bytes.size() > 2 * kKept) text_.erase(0, text_.size() + bytes.size() - kKept);
    text_.append(bytes);
  }
  [[nodiscard]] std::string_view text() const noexcept {
    const std::string_view all = text_;
    return all.size() > kKept ? all.substr(all.size() - kKept) : all;
  }
  void clear() noexcept { text_.clear(); }

 private:
  std::string text_;
};

}  // namespace ipc
