#include "ipc/arguments.hpp"

#include <cstring>

namespace ipc {

bool Arguments::has_nul() const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (std::memchr(word(i), '\0', end_of(i) - starts_[i]) != nullptr) return true;
  }
  return false;
}

bool Arguments::has_overlong() const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (end_of(i) - starts_[i] > kLongestArgument) return true;
  }
  return false;
}

char* const* Arguments::argv() {
  argv_.clear();
  for (const std::size_t start : starts_) argv_.push_back(bytes_.data() + start);
  argv_.push_back(nullptr);
  return argv_.data();
}

}  // namespace ipc
