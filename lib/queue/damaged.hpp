#pragma once
/// What is thrown where a queue's files are not as they should be.

#include <exception>

namespace queue {

/// The tables contradict themselves. FileQueue builds them anew from the records when it meets this.
class Damaged : public std::exception {
 public:
  explicit Damaged(const char* what) noexcept : what_(what) {}
  [[nodiscard]] const char* what() const noexcept override { return what_; }

 private:
  const char* what_;
};

}  // namespace queue
