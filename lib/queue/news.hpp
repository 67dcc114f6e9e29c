#pragma once
/// Damage that was met and passed over, for whoever can tell the user.

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace queue {

class News {
 public:
  /// The same thing is news once.
  void tell(const std::string& what) {
    if (told_.insert(what).second) lines_.push_back(what);
  }
  [[nodiscard]] bool has_any() const noexcept { return !told_.empty(); }
  /// What was told since the last call.
  [[nodiscard]] std::vector<std::string> take() { return std::exchange(lines_, {}); }

 private:
  std::set<std::string> told_;
  std::vector<std::string> lines_;
};

}  // namespace queue
