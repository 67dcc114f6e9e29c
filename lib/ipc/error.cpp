#include "ipc/error.hpp"

#include <cerrno>
#include <cstring>

namespace ipc {

Error::Error(int errnum, std::string operation, std::string object)
    : errnum_(errnum), operation_(std::move(operation)), object_(std::move(object)) {
  text_ = object_;
  if (!operation_.empty()) text_ += (text_.empty() ? "" : ": ") + operation_;
  text_ += (text_.empty() ? "" : ": ") + reason(errnum);
}

void throw_errno(const char* operation, std::string object) {
  throw Error(errno, operation, std::move(object));
}

void refuse_if(bool wrong, const char* message) {
  if (wrong) throw UsageError(message);
}

std::string reason(int errnum) {
  const char* text = ::strerrordesc_np(errnum);
  return text != nullptr ? text : "error " + std::to_string(errnum);
}

}  // namespace ipc
