#pragma once
/// The two ways in which a program of the suite fails: the system refused something (Error), or somebody
/// passed a value that makes no sense (BadValue, UsageError). Expected outcomes are never exceptions.

#include <exception>
#include <string>

namespace ipc {

/// A system call failed unexpectedly: which one, on what, and why.
/// what() reads "OBJECT: OPERATION: REASON", or "OBJECT: REASON" when the operation is empty.
class Error : public std::exception {
 public:
  Error(int errnum, std::string operation, std::string object);

  [[nodiscard]] int errnum() const noexcept { return errnum_; }
  [[nodiscard]] const std::string& operation() const noexcept { return operation_; }
  [[nodiscard]] const std::string& object() const noexcept { return object_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  int errnum_;
  std::string operation_;
  std::string object_;
  std::string text_;
};

/// Throws Error with the present errno.
[[noreturn]] void throw_errno(const char* operation, std::string object);

/// A value given by the user is not acceptable. Whoever knows the option's name turns it into a UsageError.
class BadValue : public std::exception {
 public:
  explicit BadValue(std::string reason) : reason_(std::move(reason)) {}
  [[nodiscard]] const char* what() const noexcept override { return reason_.c_str(); }

 private:
  std::string reason_;
};

/// The command line is wrong. what() is the whole message but for the tool's name.
class UsageError : public std::exception {
 public:
  explicit UsageError(std::string message) : message_(std::move(message)) {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// Throws UsageError when the command line is `wrong`.
void refuse_if(bool wrong, const char* message);

/// strerror() as a string, without its locks and its locale.
[[nodiscard]] std::string reason(int errnum);

}  // namespace ipc
