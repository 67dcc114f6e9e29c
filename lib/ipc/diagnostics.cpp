#include "ipc/diagnostics.hpp"

#include <unistd.h>

#include "ipc/io.hpp"

namespace ipc {

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool has_next = i + 1 < text.size();
    const bool two_bytes = byte == 0xC2 && has_next && static_cast<unsigned char>(text[i + 1]) >> 5 == 4;
    if (two_bytes) ++i;
    shown += two_bytes || byte < 0x20 || byte == 0x7F ? '?' : static_cast<char>(byte);
  }
  return shown;
}

std::string diagnostic(std::string_view tool, std::string_view message) {
  return std::string(tool) + ": " + printable(message) + '\n';
}

void complain(std::string_view tool, std::string_view message) noexcept {
  const std::string line = diagnostic(tool, message);
  if (write_all(STDERR_FILENO, line) != 0) return;
}

}  // namespace ipc
