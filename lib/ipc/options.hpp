#pragma once
/// A tool's options, declared once in a constexpr table, from which come the parser (getopt_long), --help and the
/// completions. Every tool has --help, --version and --completions besides.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// The part of an option that is text. A row with an empty name is a heading of --help.
struct OptionText {
  const char* shorts;  ///< the letters that mean it: "njP", or ""
  const char* name;    ///< the long name, without --
  const char* value;   ///< what its argument is called ("TIME", "first|count"), or nullptr when it takes none
  const char* help;    ///< imperative, no full stop

  [[nodiscard]] bool is_heading() const noexcept { return name[0] == '\0'; }
};

template <class Config>
struct Option {
  const char* shorts;
  const char* name;
  const char* value;
  const char* help;
  /// Puts the value into the configuration; throws BadValue when it makes no sense.
  void (*apply)(Config& config, std::string_view value);
};

struct ToolText {
  const char* name;
  const char* synopsis;             ///< lines, each ending in a newline; from the second on indented by 7
  const char* summary;              ///< a sentence or a few, ending in a newline
  const char* help_letter = "";     ///< a letter that means --help, where the tool has one
  const char* version_letter = "";  ///< and --version
};

/// Thrown by parse() for --help, --version and --completions: the text is for stdout, and the tool then ends.
struct Answer {
  std::string text;
};

[[nodiscard]] std::string help_text(const ToolText& tool, std::span<const OptionText> options);

namespace detail {
using Apply = void (*)(void* config, const void* table, std::size_t index, std::string_view value);
[[nodiscard]] std::span<char*> parse(int argc, char** argv, const ToolText& tool,
                                     std::span<const OptionText> options, void* config, const void* table,
                                     Apply apply);
}  // namespace detail

/// Applies the options to `config` in their order and returns the operands, a part of argv.
/// Options end at the first operand and at `--`, which is dropped. Throws UsageError or Answer.
template <class Config, std::size_t N>
[[nodiscard]] std::span<char*> parse(int argc, char** argv, const ToolText& tool,
                                     const Option<Config> (&table)[N], Config& config) {
  // Nothing to look up, and no table to make: start-up is most of what a small tool costs.
  if (argc > 1 && argv[1][0] != '-') return {argv + 1, static_cast<std::size_t>(argc - 1)};
  std::vector<OptionText> texts;
  texts.reserve(N + 3);
  for (const auto& option : table) texts.push_back({option.shorts, option.name, option.value, option.help});
  return detail::parse(argc, argv, tool, texts, &config, table,
                       [](void* c, const void* t, std::size_t index, std::string_view value) {
                         static_cast<const Option<Config>*>(t)[index].apply(*static_cast<Config*>(c), value);
                       });
}

}  // namespace ipc
