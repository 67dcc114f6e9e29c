#pragma once
/// --stdin: a message as something to be read.

#include <string_view>

#include "ipc/fd.hpp"

/// A descriptor from which the message can be read, and then its end: of a pipe that holds it whole, else of an unnamed
/// file in the directory for temporary ones. Nobody has to write while it is read. Throws ipc::Error.
[[nodiscard]] ipc::Fd readable_message(std::string_view message);
