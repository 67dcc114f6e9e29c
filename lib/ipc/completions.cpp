#include "ipc/completions.hpp"

namespace ipc {
namespace {

enum class ValueKind { none, file, directory, words, other };

ValueKind kind_of(const OptionText& option) {
  if (option.value == nullptr) return ValueKind::none;
  const std::string_view value = option.value;
  if (value == "FILE") return ValueKind::file;
  if (value == "DIR") return ValueKind::directory;
  // Alternatives in lower case are the words themselves; others only describe.
  if (value.find_first_not_of("abcdefghijklmnopqrstuvwxyz|") == std::string_view::npos)
    return ValueKind::words;
  return ValueKind::other;
}

std::string words_of(const OptionText& option) {
  std::string words = option.value;
  for (char& c : words) {
    if (c == '|') c = ' ';
  }
  return words;
}

/// "-n|-j|-P|--jobs"
std::string names(const OptionText& option, std::string_view separator) {
  std::string text;
  for (const char* letter = option.shorts; *letter != '\0'; ++letter) {
    text += '-';
    text += *letter;
    text += separator;
  }
  return text + "--" + option.name;
}

std::string bash_cases(std::span<const OptionText> options) {
  std::string text;
  for (const OptionText& option : options) {
    std::string action;
    switch (option.is_heading() ? ValueKind::none : kind_of(option)) {
      case ValueKind::none: continue;
      case ValueKind::file: action = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"; break;
      case ValueKind::directory: action = "mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")"; break;
      case ValueKind::words:
        action = "mapfile -t COMPREPLY < <(compgen -W '" + words_of(option) + "' -- \"$cur\")";
        break;
      case ValueKind::other: action = "COMPREPLY=()"; break;
    }
    text += "    " + names(option, "|") + ")\n      " + action + "\n      return ;;\n";
  }
  return text;
}

std::string bash_script(std::string_view tool, std::span<const OptionText> options) {
  std::string all;
  std::string with_value;
  for (const OptionText& option : options) {
    if (option.is_heading()) continue;
    if (!all.empty()) all += ' ';
    all += names(option, " ");
    if (option.value != nullptr) with_value += (with_value.empty() ? "" : "|") + names(option, "|");
  }
  const std::string name(tool);
  return "# bash completion for " + name + ", made by " + name +
         " --completions bash\n"
         "_" +
         name +
         "() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i word\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    case $word in\n"
         "    " +
         with_value +
         ")\n      ((++i)) ;;\n"
         "    --)\n      ((++i)); break ;;\n"
         "    -*) ;;\n"
         "    *) break ;;\n"
         "    esac\n"
         "  done\n"
         "  if ((i < COMP_CWORD)); then\n"
         "    if declare -F _command_offset >/dev/null; then _command_offset \"$i\"\n"
         "    else mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); fi\n"
         "    return\n"
         "  fi\n"
         "  case $prev in\n" +
         bash_cases(options) +
         "  esac\n"
         "  if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W '" +
         all +
         "' -- \"$cur\")\n"
         "  else mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"); fi\n"
         "}\n"
         "complete -F _" +
         name + " " + name + "\n";
}

/// Inside a single-quoted _arguments specification.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out;
}

std::string zsh_script(std::string_view tool, std::span<const OptionText> options) {
  const std::string name(tool);
  std::string text = "#compdef " + name + "\n# zsh completion for " + name + ", made by " + name +
                     " --completions zsh\n_arguments -s -S -A '-*' \\\n";
  for (const OptionText& option : options) {
    if (option.is_heading()) continue;
    std::string value;
    switch (kind_of(option)) {
      case ValueKind::none: break;
      case ValueKind::file: value = ":file:_files"; break;
      case ValueKind::directory: value = ":directory:_files -/"; break;
      case ValueKind::words: value = ":word:(" + words_of(option) + ")"; break;
      case ValueKind::other: value = ":" + zsh_escaped(option.value) + ": "; break;
    }
    const std::string rest = "[" + zsh_escaped(option.help) + "]" + value + "' \\\n";
    for (const char* letter = option.shorts; *letter != '\0'; ++letter) {
      text += std::string("  '*-") + *letter + rest;
    }
    text += std::string("  '*--") + option.name + rest;
  }
  return text + "  '(-)1:command: _command_names -e' \\\n  '*::argument: _normal'\n";
}

std::string fish_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string fish_script(std::string_view tool, std::span<const OptionText> options) {
  const std::string name(tool);
  std::string text = "# fish completion for " + name + ", made by " + name + " --completions fish\n";
  for (const OptionText& option : options) {
    if (option.is_heading()) continue;
    text += "complete -c " + name;
    for (const char* letter = option.shorts; *letter != '\0'; ++letter) text += std::string(" -s ") + *letter;
    text += std::string(" -l ") + option.name;
    switch (kind_of(option)) {
      case ValueKind::none: break;
      case ValueKind::file: text += " -r -F"; break;
      case ValueKind::directory: text += " -x -a '(__fish_complete_directories)'"; break;
      case ValueKind::words: text += " -x -a '" + words_of(option) + "'"; break;
      case ValueKind::other: text += " -x"; break;
    }
    text += " -d '" + fish_escaped(option.help) + "'\n";
  }
  return text + "complete -c " + name + " -x -a '(__fish_complete_subcommand)'\n";
}

}  // namespace

std::optional<Shell> shell_named(std::string_view name) {
  if (name == "bash") return Shell::bash;
  if (name == "zsh") return Shell::zsh;
  if (name == "fish") return Shell::fish;
  return std::nullopt;
}

std::string completion_script(Shell shell, std::string_view tool, std::span<const OptionText> options) {
  switch (shell) {
    case Shell::bash: return bash_script(tool, options);
    case Shell::zsh: return zsh_script(tool, options);
    case Shell::fish: break;
  }
  return fish_script(tool, options);
}

}  // namespace ipc
