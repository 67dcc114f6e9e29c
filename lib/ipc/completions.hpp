#pragma once
/// Completion scripts for shells, made from an option table.
/// A value called FILE completes to files, DIR to directories, and one written a|b|c to these words.
/// After the options, a command and its arguments are completed as the shell would. Of a tool with verbs the first
/// operand is a verb, and what is offered besides is that verb's.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ipc/options.hpp"

namespace ipc {

enum class Shell { bash, zsh, fish };

[[nodiscard]] std::optional<Shell> shell_named(std::string_view name);
[[nodiscard]] std::string completion_script(Shell shell, std::string_view tool,
                                            std::span<const VerbText> verbs,
                                            std::span<const OptionText> options);

}  // namespace ipc
