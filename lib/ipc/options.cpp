#include "ipc/options.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "ipc/completions.hpp"
#include "ipc/error.hpp"

#ifndef IPCUTILS_VERSION
#define IPCUTILS_VERSION "unknown"
#endif

namespace ipc {
namespace {

constexpr std::size_t kHelpColumn = 28;
constexpr int kFirstLong = 256;  // getopt values below are letters

/// What every tool has.
std::array<OptionText, 4> common_options(const ToolText& tool) {
  return {{
      {"", "", nullptr, "Other"},
      {"", "completions", "bash|zsh|fish", "print the completion script of a shell"},
      {tool.help_letter, "help", nullptr, "print this help"},
      {tool.version_letter, "version", nullptr, "print the version"},
  }};
}

std::string left_column(const OptionText& option) {
  std::string text = "  ";
  for (const char* letter = option.shorts; *letter != '\0'; ++letter) {
    text += '-';
    text += *letter;
    text += ", ";
  }
  text += "--";
  text += option.name;
  if (option.value != nullptr) {
    text += ' ';
    text += option.value;
  }
  return text;
}

/// The table in the two forms that getopt_long() reads.
struct GetoptTables {
  std::string letters;
  std::vector<option> longs;

  /// `order` is getopt's: "+" ends at the first operand, "-" returns operands where they stand.
  GetoptTables(const char* order, std::span<const OptionText> options) : letters(order) {
    letters += ':';
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i].is_heading()) continue;
      const bool takes_value = options[i].value != nullptr;
      for (const char* letter = options[i].shorts; *letter != '\0'; ++letter) {
        letters += *letter;
        if (takes_value) letters += ':';
      }
      longs.push_back({options[i].name, takes_value ? required_argument : no_argument, nullptr,
                       kFirstLong + static_cast<int>(i)});
    }
    longs.push_back({nullptr, 0, nullptr, 0});
  }
};

std::size_t index_of(int value, std::span<const OptionText> options) {
  if (value >= kFirstLong) return static_cast<std::size_t>(value - kFirstLong);
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (std::string_view(options[i].shorts).find(static_cast<char>(value)) != std::string_view::npos)
      return i;
  }
  return options.size();
}

std::string as_written(int value, const OptionText& option) {
  if (value < kFirstLong) return std::string("-") + static_cast<char>(value);
  return std::string("--") + option.name;
}

[[noreturn]] void refuse(int result, const char* word, std::span<const OptionText> options) {
  const bool known = optopt != 0 && index_of(optopt, options) < options.size();
  if (result == ':')
    throw UsageError(as_written(optopt, options[index_of(optopt, options)]) + ": needs a value");
  if (known && optopt >= kFirstLong) {
    throw UsageError(as_written(optopt, options[index_of(optopt, options)]) + ": takes no value");
  }
  if (optopt != 0) throw UsageError(std::string("-") + static_cast<char>(optopt) + ": unknown option");
  throw UsageError(std::string(word) + ": unknown or ambiguous option");
}

/// --help is the caller's.
[[noreturn]] void answer_common(std::string_view name, std::string_view value, const ToolText& tool,
                                std::span<const VerbText> verbs, std::span<const OptionText> options) {
  if (name == "version") throw Answer{std::string(tool.name) + " (ipcutils) " IPCUTILS_VERSION "\n"};
  const auto shell = shell_named(value);
  if (!shell) throw UsageError("--completions " + std::string(value) + ": not bash, zsh or fish");
  throw Answer{completion_script(*shell, tool.name, verbs, options)};
}

/// Calls `apply`; what it finds wrong with the value is told with the option as it was written.
template <class Apply>
void apply_named(int result, const OptionText& option, const char* value, Apply&& apply) {
  const std::string_view text = value != nullptr ? value : "";
  try {
    apply(text);
  } catch (const BadValue& bad) {
    std::string message = as_written(result, option);
    if (value != nullptr) message += " " + (text.empty() ? std::string("''") : std::string(text));
    throw UsageError(message + ": " + bad.what());
  }
}

std::string two_columns(std::string left, const char* right) {
  std::string text;
  if (left.size() + 2 > kHelpColumn) {
    text = left + '\n';
    left.clear();
  }
  left.resize(kHelpColumn, ' ');
  return text + left + right + '\n';
}

/// A heading that none of the options under it follows is left out.
std::string options_text(std::span<const OptionText> options, Verbs wanted) {
  std::string text;
  const char* heading = nullptr;
  for (const OptionText& option : options) {
    if (option.is_heading()) heading = option.help;
    if (option.is_heading() || (option.verbs & wanted) == 0) continue;
    if (heading != nullptr) text += '\n' + std::string(heading) + ":\n";
    heading = nullptr;
    text += two_columns(left_column(option), option.help);
  }
  return text;
}

/// "-1" and "-2.5", but not "-0", which is an option in many tools.
bool is_negative_number(std::string_view word) {
  if (word.size() < 2 || word[0] != '-') return false;
  const std::string_view number = word.substr(1);
  return number.find_first_not_of("0123456789.") == std::string_view::npos &&
         number.find_first_not_of('0') != std::string_view::npos &&
         std::count(number.begin(), number.end(), '.') <= 1 && number.back() != '.';
}

/// An option as it stands on the command line.
struct Given {
  int result = 0;  ///< of getopt_long()
  std::size_t index = 0;
  const char* value = nullptr;
};

/// Sorts the words of a command line that begins with a verb, whose place is among the operands at first.
class Scan {
 public:
  Scan(int argc, char** argv, std::span<const OptionText> options)
      : argc_(argc), argv_(argv), options_(options), tables_("-", options) {
    optind = 0;  // glibc then begins anew; a first call without words, because a number may come first
    opterr = 0;
    (void)::getopt_long(1, argv, tables_.letters.c_str(), tables_.longs.data(), nullptr);
  }

  /// The next option, or nothing at the end.
  [[nodiscard]] std::optional<Given> next(Words& words) {
    for (;;) {
      const int before = optind;
      const char* word = before < argc_ ? argv_[before] : "";
      if (before != inside_ && before < argc_ && is_negative_number(word)) {
        words.operands.push_back(argv_[optind++]);
        continue;
      }
      optopt = 0;
      const int result = ::getopt_long(argc_, argv_, tables_.letters.c_str(), tables_.longs.data(), nullptr);
      if (result == -1) {
        words.dashes = optind > before;
        words.rest = {argv_ + optind, static_cast<std::size_t>(argc_ - optind)};
        return std::nullopt;
      }
      inside_ = optind == before ? before : 0;
      if (result == '?' || result == ':') refuse(result, word, options_);
      if (result != kOperand) return Given{result, index_of(result, options_), optarg};
      words.operands.push_back(optarg);
    }
  }

 private:
  static constexpr int kOperand = 1;

  int argc_;
  char** argv_;
  std::span<const OptionText> options_;
  GetoptTables tables_;
  int inside_ = 0;  ///< the word of letters that getopt_long() has not finished
};

std::size_t verb_named(std::string_view name, std::span<const VerbText> verbs) {
  std::size_t i = 0;
  while (i < verbs.size() && name != verbs[i].name) ++i;
  return i;
}

/// The first operand becomes the verb.
void take_verb(Words& words, std::span<const VerbText> verbs) {
  if (words.operands.empty()) throw UsageError("VERB: is missing");
  const std::string name = words.operands.front();
  words.verb = verb_named(name, verbs);
  if (words.verb == verbs.size()) throw UsageError(name + ": unknown verb");
  words.operands.erase(words.operands.begin());
}

}  // namespace

std::string help_text(const ToolText& tool, std::span<const OptionText> options) {
  return "Usage: " + std::string(tool.synopsis) + '\n' + tool.summary + options_text(options, kEveryVerb);
}

std::string help_text(const ToolText& tool, std::span<const VerbText> verbs, std::size_t verb,
                      std::span<const OptionText> options) {
  if (verb < verbs.size()) {
    const VerbText& text = verbs[verb];
    std::string usage = "Usage: " + std::string(tool.name) + ' ' + text.name + " [OPTIONS]";
    if (text.operands[0] != '\0') usage.append(" ").append(text.operands);
    const char first = static_cast<char>(std::toupper(static_cast<unsigned char>(text.help[0])));
    return usage + "\n\n" + first + (text.help + 1) + ".\n" + options_text(options, Verbs{1} << verb);
  }
  std::string list = "\nVerbs:\n";
  for (const VerbText& text : verbs)
    list += two_columns("  " + std::string(text.name) + ' ' + text.operands, text.help);
  return "Usage: " + std::string(tool.synopsis) + '\n' + tool.summary + list +
         options_text(options, kEveryVerb);
}

namespace detail {

std::span<char*> parse(int argc, char** argv, const ToolText& tool, std::span<const OptionText> options,
                       const Target& target) {
  std::vector<OptionText> all(options.begin(), options.end());
  const auto common = common_options(tool);
  all.insert(all.end(), common.begin(), common.end());
  const GetoptTables tables("+", all);
  optind = 0;  // not 1: glibc then forgets where in a cluster of letters an earlier parse stopped
  opterr = 0;
  for (;;) {
    const int at = std::max(optind, 1);
    const char* word = at < argc ? argv[at] : "";
    optopt = 0;
    const int result = ::getopt_long(argc, argv, tables.letters.c_str(), tables.longs.data(), nullptr);
    if (result == -1) break;
    if (result == '?' || result == ':') refuse(result, word, all);
    const std::size_t index = index_of(result, all);
    if (index >= options.size()) {
      if (std::string_view(all[index].name) == "help") throw Answer{help_text(tool, all)};
      answer_common(all[index].name, optarg != nullptr ? optarg : "", tool, {}, all);
    }
    apply_named(result, all[index], optarg,
                [&](std::string_view value) { target.apply(target.config, target.table, index, value); });
  }
  return {argv + optind, static_cast<std::size_t>(argc - optind)};
}

bool has_dashes(int argc, char** argv) noexcept {
  return std::any_of(argv + std::min(argc, 1), argv + argc, [](const char* word) { return word[0] == '-'; });
}

Words plain_words(int argc, char** argv, std::span<const VerbText> verbs) {
  Words words;
  words.operands.assign(argv + std::min(argc, 1), argv + argc);
  take_verb(words, verbs);
  return words;
}

Words parse_verb(int argc, char** argv, const ToolText& tool, std::span<const VerbText> verbs,
                 std::span<const OptionText> options, const Target& target) {
  std::vector<OptionText> all(options.begin(), options.end());
  const auto common = common_options(tool);
  all.insert(all.end(), common.begin(), common.end());
  Words words;
  std::vector<Given> given;
  Scan scan(argc, argv, all);
  while (const auto option = scan.next(words)) {
    if (option->index < options.size()) {
      given.push_back(*option);
    } else if (std::string_view(all[option->index].name) == "help") {
      const char* name = words.operands.empty() ? "" : words.operands.front();
      throw Answer{help_text(tool, verbs, verb_named(name, verbs), all)};
    } else {
      answer_common(all[option->index].name, option->value != nullptr ? option->value : "", tool, verbs, all);
    }
  }
  take_verb(words, verbs);
  for (const Given& option : given) {
    if ((all[option.index].verbs >> words.verb & 1) == 0) {
      throw UsageError(as_written(option.result, all[option.index]) + ": not an option of " +
                       verbs[words.verb].name);
    }
    apply_named(option.result, all[option.index], option.value, [&](std::string_view value) {
      target.apply(target.config, target.table, option.index, value);
    });
  }
  return words;
}

}  // namespace detail
}  // namespace ipc
