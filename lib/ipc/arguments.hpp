#pragma once
/// The words of one command line, laid out as exec wants them.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// The kernel's MAX_ARG_STRLEN (32 pages), less the final NUL.
inline constexpr std::size_t kLongestArgument = 131071;

class Arguments {
 public:
  void clear() noexcept {
    bytes_.clear();
    starts_.clear();
  }
  /// Begins a word; what follows is appended to it.
  void begin_word() { starts_.push_back(bytes_.size()); }
  void append(std::string_view text) { bytes_.append(text); }
  void end_word() { bytes_ += '\0'; }
  void add_word(std::string_view word) {
    begin_word();
    append(word);
    end_word();
  }

  [[nodiscard]] std::size_t size() const noexcept { return starts_.size(); }
  [[nodiscard]] const char* word(std::size_t index) const noexcept { return bytes_.data() + starts_[index]; }

  /// A word holds a NUL, or is longer than the kernel takes: exec would cut it off, or refuse.
  [[nodiscard]] bool has_nul() const noexcept;
  [[nodiscard]] bool has_overlong() const noexcept;

  /// NULL-terminated. Valid until the next call of anything here.
  [[nodiscard]] char* const* argv();

 private:
  [[nodiscard]] std::size_t end_of(std::size_t index) const noexcept {
    return (index + 1 < starts_.size() ? starts_[index + 1] : bytes_.size()) - 1;
  }
  std::string bytes_;
  std::vector<std::size_t> starts_;
  std::vector<char*> argv_;
};

}  // namespace ipc
