#include "ipc/cli.hpp"

#include <unistd.h>

#include <exception>
#include <string>

#include "ipc/diagnostics.hpp"
#include "ipc/error.hpp"
#include "ipc/fd.hpp"
#include "ipc/io.hpp"
#include "ipc/options.hpp"

namespace ipc {

int run_main(const char* tool, const std::function<int()>& body, int usage_status) noexcept {
  try {
    occupy_standard_descriptors();
    return body();
  } catch (const Answer& answer) {
    const int errnum = write_all(STDOUT_FILENO, answer.text);
    if (errnum == 0) return kExitSuccess;
    complain(tool, "stdout: " + reason(errnum));
  } catch (const UsageError& error) {
    complain(tool, error.what());
    const std::string hint = "try '" + std::string(tool) + " --help'\n";
    if (write_all(STDERR_FILENO, hint) != 0) return usage_status;
  } catch (const std::exception& error) {
    complain(tool, error.what());
  }
  return usage_status;
}

}  // namespace ipc
