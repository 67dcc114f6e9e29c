#pragma once
/// Words made safe to paste into a shell.

#include <string>
#include <string_view>

namespace ipc {

enum class QuoteStyle {
  posix,    ///< '...' only: any sh reads it; a newline stays a newline
  one_line  ///< control bytes as $'\n': never breaks a line, for bash, zsh, ksh and logs
};

/// Appends `word` to `out`, quoted only when it has to be.
void append_quoted(std::string& out, std::string_view word, QuoteStyle style = QuoteStyle::posix);

}  // namespace ipc
