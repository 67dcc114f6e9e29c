#pragma once
/// COMMAND's words, with the message in place of {} and <>.
///
///   {}   anywhere in an argument
///   <>   as a whole argument
///
/// Without either the message is appended, unless COMMAND gets it on stdin. It is always one argument or a part of one,
/// whatever bytes it holds. Anything else in braces is left alone.

#include <string>
#include <string_view>
#include <vector>

#include "ipc/arguments.hpp"

class CommandWords {
 public:
  /// `words` is not empty.
  CommandWords(const std::vector<std::string>& words, bool on_stdin);

  void expand(std::string_view message, ipc::Arguments& into) const;
  /// The first word is different for each message.
  [[nodiscard]] bool command_varies() const noexcept { return words_.front().size() > 1; }

 private:
  using Word = std::vector<std::string>;  ///< what stands between messages: one more than there are of these
  [[nodiscard]] static Word cut(std::string_view word);

  std::vector<Word> words_;
  bool append_;
};
