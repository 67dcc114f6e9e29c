#include "ipc/diagnostics.hpp"

#include <unistd.h>

#include "ipc/io.hpp"

namespace ipc {

std::string diagnostic(std::string_view tool, std::string_view message) {
  std::string line(tool);
  line += ": ";
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  line += '\n';
  return line;
}

void complain(std::string_view tool, std::string_view message) noexcept {
  const std::string line = diagnostic(tool, message);
  if (write_all(STDERR_FILENO, line) != 0) return;
}

}  // namespace ipc
