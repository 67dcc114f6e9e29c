#include "ipc/options.hpp"

#include <getopt.h>

#include <algorithm>
#include <array>

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
  std::string letters = "+:";
  std::vector<option> longs;

  explicit GetoptTables(std::span<const OptionText> options) {
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

void answer_common(std::string_view name, std::string_view value, const ToolText& tool,
                   std::span<const OptionText> options) {
  if (name == "help") throw Answer{help_text(tool, options)};
  if (name == "version") throw Answer{std::string(tool.name) + " (ipcutils) " IPCUTILS_VERSION "\n"};
  const auto shell = shell_named(value);
  if (!shell) throw UsageError("--completions " + std::string(value) + ": not bash, zsh or fish");
  throw Answer{completion_script(*shell, tool.name, options)};
}

}  // namespace

std::string help_text(const ToolText& tool, std::span<const OptionText> options) {
  std::string text = "Usage: ";
  text += tool.synopsis;
  text += '\n';
  text += tool.summary;
  for (const OptionText& option : options) {
    if (option.is_heading()) {
      text += '\n';
      text += option.help;
      text += ":\n";
      continue;
    }
    std::string line = left_column(option);
    if (line.size() + 2 > kHelpColumn) {
      text += line + '\n';
      line.clear();
    }
    line.resize(kHelpColumn, ' ');
    text += line + option.help + '\n';
  }
  return text;
}

namespace detail {

std::span<char*> parse(int argc, char** argv, const ToolText& tool, std::span<const OptionText> options,
                       void* config, const void* table, Apply apply) {
  std::vector<OptionText> all(options.begin(), options.end());
  const auto common = common_options(tool);
  all.insert(all.end(), common.begin(), common.end());
  const GetoptTables tables(all);
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
    const std::string_view value = optarg != nullptr ? optarg : "";
    if (index >= options.size()) answer_common(all[index].name, value, tool, all);
    try {
      apply(config, table, index, value);
    } catch (const BadValue& bad) {
      std::string message = as_written(result, all[index]);
      if (optarg != nullptr) message += " " + (value.empty() ? std::string("''") : std::string(value));
      throw UsageError(message + ": " + bad.what());
    }
  }
  return {argv + optind, static_cast<std::size_t>(argc - optind)};
}

}  // namespace detail
}  // namespace ipc
