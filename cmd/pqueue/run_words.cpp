#include "run_words.hpp"

#include <algorithm>

CommandWords::CommandWords(const std::vector<std::string>& words, bool on_stdin) {
  for (const std::string& word : words) words_.push_back(cut(word));
  const auto is_plain = [](const Word& word) { return word.size() == 1; };
  append_ = !on_stdin && std::ranges::all_of(words_, is_plain);
}

CommandWords::Word CommandWords::cut(std::string_view word) {
  if (word == "<>") return {"", ""};
  Word parts;
  for (;;) {
    const auto at = word.find("{}");
    parts.emplace_back(word.substr(0, at));
    if (at == std::string_view::npos) return parts;
    word.remove_prefix(at + 2);
  }
}

void CommandWords::expand(std::string_view message, ipc::Arguments& into) const {
  into.clear();
  for (const Word& word : words_) {
    into.begin_word();
    into.append(word.front());
    for (std::size_t i = 1; i < word.size(); ++i) {
      into.append(message);
      into.append(word[i]);
    }
    into.end_word();
  }
  if (append_) into.add_word(message);
}
