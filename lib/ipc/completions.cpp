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

/// The names of the options that a verb takes, or of those that take a value, which nobody asks twice.
std::string all_names(std::span<const OptionText> options, std::string_view separator, Verbs wanted,
                      bool valued = false) {
  std::string all;
  for (const OptionText& option : options) {
    if (option.is_heading() || (option.verbs & wanted) == 0 || (valued && option.value == nullptr)) continue;
    if (!all.empty()) all += separator;
    all += names(option, separator);
  }
  return all;
}

bool takes_command(const VerbText& verb) {
  return std::string_view(verb.operands).find("COMMAND") != std::string_view::npos;
}

std::string verb_names(std::span<const VerbText> verbs) {
  std::string text;
  for (const VerbText& verb : verbs) text += (text.empty() ? "" : " ") + std::string(verb.name);
  return text;
}

std::string bash_script(std::string_view tool, std::span<const OptionText> options) {
  const std::string all = all_names(options, " ", kEveryVerb);
  const std::string with_value = all_names(options, "|", kEveryVerb, true);
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

std::string bash_verb_script(std::string_view tool, std::span<const VerbText> verbs,
                             std::span<const OptionText> options) {
  const std::string name(tool);
  std::string text =
      "# bash completion for " + name + ", made by " + name +
      " --completions bash\n"
      "_" +
      name +
      "() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i word verb= options\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case $word in\n"
      "    " +
      all_names(options, "|", kEveryVerb, true) +
      ")\n      ((++i)) ;;\n"
      "    --)\n      ((++i)); break ;;\n"
      "    -*) ;;\n"
      "    *) [[ -n $verb ]] || verb=$word ;;\n"
      "    esac\n"
      "  done\n"
      "  if [[ $word == -- ]]; then\n"
      "    case $verb in\n";
  for (const VerbText& verb : verbs) {
    if (takes_command(verb)) {
      text += "    " + std::string(verb.name) +
              ")\n"
              "      if declare -F _command_offset >/dev/null; then _command_offset \"$i\"\n"
              "      elif ((i < COMP_CWORD)); then mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
              "      else mapfile -t COMPREPLY < <(compgen -c -- \"$cur\"); fi ;;\n";
    }
  }
  text +=
      "    esac\n"
      "    return\n"
      "  fi\n"
      "  case $prev in\n" +
      bash_cases(options) +
      "  esac\n"
      "  case $verb in\n";
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    text +=
        "  " + std::string(verbs[i].name) + ") options='" + all_names(options, " ", Verbs{1} << i) + "' ;;\n";
  }
  return text + "  *) options='" + all_names(options, " ", kEveryVerb) +
         "' ;;\n"
         "  esac\n"
         "  if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
         "  elif [[ -z $verb ]]; then mapfile -t COMPREPLY < <(compgen -W '" +
         verb_names(verbs) +
         "' -- \"$cur\")\n"
         "  else mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); fi\n"
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

/// Specifications of the options, one a line.
std::string zsh_options(std::span<const OptionText> options, Verbs wanted, const std::string& line_end) {
  std::string text;
  for (const OptionText& option : options) {
    if (option.is_heading() || (option.verbs & wanted) == 0) continue;
    std::string value;
    switch (kind_of(option)) {
      case ValueKind::none: break;
      case ValueKind::file: value = ":file:_files"; break;
      case ValueKind::directory: value = ":directory:_files -/"; break;
      case ValueKind::words: value = ":word:(" + words_of(option) + ")"; break;
      case ValueKind::other: value = ":" + zsh_escaped(option.value) + ": "; break;
    }
    const std::string rest = "[" + zsh_escaped(option.help) + "]" + value + "'" + line_end;
    for (const char* letter = option.shorts; *letter != '\0'; ++letter) {
      text += std::string("  '*-") + *letter + rest;
    }
    text += std::string("  '*--") + option.name + rest;
  }
  return text;
}

std::string zsh_script(std::string_view tool, std::span<const OptionText> options) {
  const std::string name(tool);
  return "#compdef " + name + "\n# zsh completion for " + name + ", made by " + name +
         " --completions zsh\n_arguments -s -S -A '-*' \\\n" + zsh_options(options, kEveryVerb, " \\\n") +
         "  '(-)1:command: _command_names -e' \\\n  '*::argument: _normal'\n";
}

std::string zsh_verb_script(std::string_view tool, std::span<const VerbText> verbs,
                            std::span<const OptionText> options) {
  const std::string name(tool);
  std::string commanding;
  for (const VerbText& verb : verbs) {
    if (takes_command(verb)) commanding += (commanding.empty() ? "" : "|") + std::string(verb.name);
  }
  std::string text = "#compdef " + name + "\n# zsh completion for " + name + ", made by " + name +
                     " --completions zsh\n"
                     "local -a specs\n"
                     "local verb i\n"
                     "for ((i = 2; i < CURRENT; i++)); do\n"
                     "  case $words[i] in\n"
                     "  (" +
                     all_names(options, "|", kEveryVerb, true) +
                     ") ((++i)) ;;\n"
                     "  (--) break ;;\n"
                     "  (-*) ;;\n"
                     "  (*) : ${verb:=$words[i]} ;;\n"
                     "  esac\n"
                     "done\n";
  if (!commanding.empty()) {
    text += "if [[ $verb == (" + commanding +
            ") ]] && ((i < CURRENT)); then\n"
            "  shift $i words\n"
            "  ((CURRENT -= i))\n"
            "  _normal\n"
            "  return\n"
            "fi\n";
  }
  text += "case $verb in\n";
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    text += "(" + std::string(verbs[i].name) + ") specs=(\n" + zsh_options(options, Verbs{1} << i, "\n") +
            ") ;;\n";
  }
  return text + "(*) specs=(\n" + zsh_options(options, kEveryVerb, "\n") +
         ") ;;\n"
         "esac\n"
         "_arguments -s -S $specs '1:verb:(" +
         verb_names(verbs) + ")' '*:file:_files'\n";
}

std::string fish_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// "complete" for one option, where `condition` (fish's -n, or nothing) holds.
std::string fish_option(const std::string& name, const std::string& condition, const OptionText& option) {
  std::string text = "complete -c " + name + condition;
  for (const char* letter = option.shorts; *letter != '\0'; ++letter) text += std::string(" -s ") + *letter;
  text += std::string(" -l ") + option.name;
  switch (kind_of(option)) {
    case ValueKind::none: break;
    case ValueKind::file: text += " -r -F"; break;
    case ValueKind::directory: text += " -x -a '(__fish_complete_directories)'"; break;
    case ValueKind::words: text += " -x -a '" + words_of(option) + "'"; break;
    case ValueKind::other: text += " -x"; break;
  }
  return text + " -d '" + fish_escaped(option.help) + "'\n";
}

std::string fish_script(std::string_view tool, std::span<const OptionText> options) {
  const std::string name(tool);
  std::string text = "# fish completion for " + name + ", made by " + name + " --completions fish\n";
  for (const OptionText& option : options) {
    if (!option.is_heading()) text += fish_option(name, "", option);
  }
  return text + "complete -c " + name + " -x -a '(__fish_complete_subcommand)'\n";
}

std::string fish_verb_script(std::string_view tool, std::span<const VerbText> verbs,
                             std::span<const OptionText> options) {
  const std::string name(tool);
  std::string text = "# fish completion for " + name + ", made by " + name + " --completions fish\n";
  for (const VerbText& verb : verbs) {
    text += "complete -c " + name + " -n __fish_use_subcommand -x -a " + verb.name + " -d '" +
            fish_escaped(verb.help) + "'\n";
    if (takes_command(verb)) {
      text += "complete -c " + name + " -n '__fish_seen_subcommand_from " + verb.name +
              "; and contains -- -- (commandline -opc)' -x -a '(__fish_complete_command)'\n";
    }
  }
  for (const OptionText& option : options) {
    if (option.is_heading()) continue;
    std::string condition;
    for (std::size_t i = 0; i < verbs.size() && option.verbs != kEveryVerb; ++i) {
      if ((option.verbs >> i & 1) != 0) condition += ' ' + std::string(verbs[i].name);
    }
    if (!condition.empty()) condition = " -n '__fish_seen_subcommand_from" + condition + "'";
    text += fish_option(name, condition, option);
  }
  return text;
}

}  // namespace

std::optional<Shell> shell_named(std::string_view name) {
  if (name == "bash") return Shell::bash;
  if (name == "zsh") return Shell::zsh;
  if (name == "fish") return Shell::fish;
  return std::nullopt;
}

std::string completion_script(Shell shell, std::string_view tool, std::span<const VerbText> verbs,
                              std::span<const OptionText> options) {
  const bool plain = verbs.empty();
  switch (shell) {
    case Shell::bash: return plain ? bash_script(tool, options) : bash_verb_script(tool, verbs, options);
    case Shell::zsh: return plain ? zsh_script(tool, options) : zsh_verb_script(tool, verbs, options);
    case Shell::fish: break;
  }
  return plain ? fish_script(tool, options) : fish_verb_script(tool, verbs, options);
}

}  // namespace ipc
