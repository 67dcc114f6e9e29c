#pragma once
/// A tool's options, declared once in a constexpr table, from which come the parser (getopt_long), --help and the
/// completions. Every tool has --help, --version and --completions besides.
///
/// Some tools begin with a verb (pqueue put): then each option says which verbs take it, options may stand anywhere
/// before `--`, and TOOL VERB --help tells of that verb alone.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

/// A bit for each verb, in the order of the tool's table of verbs.
using Verbs = std::uint64_t;
inline constexpr Verbs kEveryVerb = ~Verbs{0};

/// The part of an option that is text. A row with an empty name is a heading of --help.
struct OptionText {
  const char* shorts;  ///< the letters that mean it: "njP", or ""
  const char* name;    ///< the long name, without --
  const char* value;   ///< what its argument is called ("TIME", "first|count"), or nullptr when it takes none
  const char* help;    ///< imperative, no full stop
  Verbs verbs = kEveryVerb;

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
  Verbs verbs = kEveryVerb;  ///< that take it
};

struct VerbText {
  const char* name;
  const char* operands;  ///< what follows it and the options; a COMMAND among them stands behind `--`
  const char* help;      ///< imperative, no full stop
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
/// Of the whole tool, or of `verb` alone where it is one.
[[nodiscard]] std::string help_text(const ToolText& tool, std::span<const VerbText> verbs, std::size_t verb,
                                    std::span<const OptionText> options);

/// What is left of a command line with a verb.
struct Words {
  std::size_t verb = 0;         ///< its index
  std::vector<char*> operands;  ///< behind the verb, before `--`
  std::span<char*> rest;        ///< behind `--`, a part of argv
  bool dashes = false;          ///< there was a `--`
};

namespace detail {
/// Where an option's value goes: to the row of that index, which knows the configuration's type.
struct Target {
  void* config;
  const void* table;
  void (*apply)(void* config, const void* table, std::size_t index, std::string_view value);
};
[[nodiscard]] std::span<char*> parse(int argc, char** argv, const ToolText& tool,
                                     std::span<const OptionText> options, const Target& target);
[[nodiscard]] Words parse_verb(int argc, char** argv, const ToolText& tool, std::span<const VerbText> verbs,
                               std::span<const OptionText> options, const Target& target);
/// Whether any word begins with a dash.
[[nodiscard]] bool has_dashes(int argc, char** argv) noexcept;
/// The words of a command line without.
[[nodiscard]] Words plain_words(int argc, char** argv, std::span<const VerbText> verbs);

template <class Config, std::size_t N>
[[nodiscard]] Target target_of(const Option<Config> (&table)[N], Config& config) {
  return {&config, table, [](void* c, const void* t, std::size_t index, std::string_view value) {
            static_cast<const Option<Config>*>(t)[index].apply(*static_cast<Config*>(c), value);
          }};
}

template <class Config, std::size_t N>
[[nodiscard]] std::vector<OptionText> texts_of(const Option<Config> (&table)[N]) {
  std::vector<OptionText> texts;
  texts.reserve(N + 4);
  for (const auto& row : table) texts.push_back({row.shorts, row.name, row.value, row.help, row.verbs});
  return texts;
}
}  // namespace detail

/// Applies the options to `config` in their order and returns the operands, a part of argv.
/// Options end at the first operand and at `--`, which is dropped. Throws UsageError or Answer.
template <class Config, std::size_t N>
[[nodiscard]] std::span<char*> parse(int argc, char** argv, const ToolText& tool,
                                     const Option<Config> (&table)[N], Config& config) {
  // Nothing to look up, and no table to make: start-up is most of what a small tool costs.
  if (argc > 1 && argv[1][0] != '-') return {argv + 1, static_cast<std::size_t>(argc - 1)};
  return detail::parse(argc, argv, tool, detail::texts_of(table), detail::target_of(table, config));
}

/// The same for a tool with verbs. An argument that reads as a negative number is an operand; -0 is an option.
/// Throws UsageError also when the verb is missing or unknown, or does not take an option.
template <class Config, std::size_t N>
[[nodiscard]] Words parse_verb(int argc, char** argv, const ToolText& tool, std::span<const VerbText> verbs,
                               const Option<Config> (&table)[N], Config& config) {
  if (!detail::has_dashes(argc, argv)) return detail::plain_words(argc, argv, verbs);
  return detail::parse_verb(argc, argv, tool, verbs, detail::texts_of(table),
                            detail::target_of(table, config));
}

}  // namespace ipc
