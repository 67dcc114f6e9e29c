#include "ipc/completions.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <vector>

#include "ipc/shell_quote.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Shell;
using Words = std::vector<std::string>;

constexpr ipc::OptionText kOptions[] = {
    {"", "", nullptr, "A heading, which is no option"},
    {"nj", "jobs", "N", "run N at a time"},
    {"k", "keep-order", nullptr, "keep it's order [a:b] \\ \"quoted\" $HOME `id`"},
    {"a", "arg-file", "FILE", "read FILE"},
    {"", "wd", "DIR", "run in DIR"},
    {"", "exit", "first|count", "say how to exit"},
    {"", "halt", "WHEN,WHAT=N", "stop"},
};

constexpr ipc::VerbText kVerbs[] = {
    {"put", "NAME [MESSAGE...]", "put it's messages"},
    {"get", "NAME [-- COMMAND...]", "get: [messages]"},
    {"list", "", "list them"},
};

constexpr ipc::OptionText kVerbOptions[] = {
    {"", "", nullptr, "A heading, which is no option", 1},
    {"p", "priority", "N", "a number", 1},
    {"", "how", "first|last", "in which way", 3},
    {"k", "keep", nullptr, "keep it's order [a:b] \\ \"quoted\" $HOME `id`", 2},
    {"v", "verbose", nullptr, "say more"},
};

bool have(const char* command) {
  return std::system(("command -v " + std::string(command) + " >/dev/null 2>&1").c_str()) == 0;
}

/// Runs `command` in the scratch directory; what it printed on both streams.
std::string output_of(const Scratch& scratch, const std::string& command, int expected = 0) {
  const int status =
      std::system(("cd " + scratch.path() + " && { " + command + "; } >out 2>&1 </dev/null").c_str());
  check_equal(status, expected, command);
  return file_text(scratch / "out");
}

/// What bash offers for the last of the words.
std::multiset<std::string> offered(const Words& words, const std::string& completions) {
  const Scratch scratch;
  scratch.file("file.txt");
  scratch.file("other file");
  std::filesystem::create_directory(scratch / "directory");
  scratch.file("tool.bash", completions);
  std::string script = ". ./tool.bash; COMP_WORDS=(tool";
  for (const auto& word : words) {
    script += ' ';
    ipc::append_quoted(script, word);
  }
  script +=
      "); COMP_CWORD=" + std::to_string(words.size()) + "; _tool && printf '%s\\n' \"${COMPREPLY[@]}\"\n";
  scratch.file("script", script);
  std::istringstream lines(output_of(scratch, "bash --norc script"));
  std::multiset<std::string> offers;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) offers.insert(line);
  }
  return offers;
}

std::multiset<std::string> offered(const Words& words) {
  return offered(words, ipc::completion_script(Shell::bash, "tool", {}, kOptions));
}

std::multiset<std::string> offered_verb(const Words& words) {
  return offered(words, ipc::completion_script(Shell::bash, "tool", kVerbs, kVerbOptions));
}

/// What fish offers for a line.
std::string fish_offers(const std::string& completions, const std::string& line) {
  const Scratch scratch;
  scratch.file("tool.fish", completions);
  return output_of(scratch, "HOME=$PWD fish --no-config -c 'source tool.fish; complete -C \"" + line + "\"'");
}

using Offers = std::multiset<std::string>;

}  // namespace

TEST("shells by name") {
  check(ipc::shell_named("bash") == Shell::bash);
  check(ipc::shell_named("zsh") == Shell::zsh);
  check(ipc::shell_named("fish") == Shell::fish);
  for (const char* name : {"", "sh", "BASH", "bash ", "csh"}) check(!ipc::shell_named(name), name);
}

TEST("each shell can read its script, whatever the help texts hold") {
  const struct {
    Shell shell;
    const char* name;
    const char* check;
  } shells[] = {{Shell::bash, "bash", "bash -n script"},
                {Shell::zsh, "zsh", "zsh -f -n script"},
                {Shell::fish, "fish", "HOME=$PWD fish --no-config --no-execute script"}};
  for (const auto& shell : shells) {
    if (!have(shell.name)) continue;
    const Scratch scratch;
    scratch.file("script", ipc::completion_script(shell.shell, "tool", {}, kOptions));
    check_equal(output_of(scratch, shell.check), "", shell.name);
    scratch.file("script", ipc::completion_script(shell.shell, "tool", kVerbs, kVerbOptions));
    check_equal(output_of(scratch, shell.check), "", shell.name);
  }
}

TEST("every option, short and long, and no heading, is in each script") {
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish}) {
    const std::string script = ipc::completion_script(shell, "tool", {}, kOptions);
    for (const auto& option : kOptions) {
      if (option.name[0] == '\0') continue;
      const std::string name = (shell == Shell::fish ? "-l " : "--") + std::string(option.name);
      check(script.find(name) != std::string::npos, name);
      for (const char* letter = option.shorts; *letter != '\0'; ++letter) {
        const std::string text = (shell == Shell::fish ? "-s " : "-") + std::string(1, *letter);
        check(script.find(text) != std::string::npos, text);
      }
    }
    check(script.find("heading") == std::string::npos);
  }
}

TEST("bash offers the options that begin so") {
  if (!have("bash")) skip("no bash");
  check(offered({"-"}) ==
        Offers{"-n", "-j", "--jobs", "-k", "--keep-order", "-a", "--arg-file", "--wd", "--exit", "--halt"});
  check(offered({"--ke"}) == Offers{"--keep-order"});
  check(offered({"-k", "--j"}) == Offers{"--jobs"});
  check(offered({"--none"}).empty());
}

TEST("bash offers what an option's value can be") {
  if (!have("bash")) skip("no bash");
  check((offered({"--exit", ""}) == Offers{"first", "count"}));
  check((offered({"--exit", "f"}) == Offers{"first"}));
  check((offered({"--wd", ""}) == Offers{"directory"}));
  check((offered({"-a", "f"}) == Offers{"file.txt"}));
  check((offered({"--arg-file", "oth"}) == Offers{"other file"}));
  check(offered({"--jobs", ""}).empty());
  check(offered({"-n", "-"}).empty(), "a value, not an option");
}

TEST("bash offers commands where the command is due, and files behind it") {
  if (!have("bash")) skip("no bash");
  for (const Words& words :
       {Words{"print"}, {"-k", "print"}, {"-n", "4", "print"}, {"--exit", "first", "print"}}) {
    check(offered(words).contains("printf"), words.back());
    check(!offered(words).contains("file.txt"));
  }
  check((offered({"cat", "f"}) == Offers{"file.txt"}));
  check((offered({"-n", "4", "cat", "-x", "f"}) == Offers{"file.txt"}));
  check((offered({"cat", "--ke"}).empty()), "options of the command are its own");
  check(offered({"--", "print"}).contains("printf"));
}

TEST("fish offers options and values") {
  if (!have("fish")) skip("no fish");
  const std::string script = ipc::completion_script(Shell::fish, "tool", {}, kOptions);
  const std::string text = fish_offers(script, "tool --ke") + fish_offers(script, "tool --exit ");
  check(text.find("--keep-order\tkeep it's order") != std::string::npos, text);
  check(text.find("first") != std::string::npos && text.find("count") != std::string::npos, text);
}

TEST("bash offers verbs, and each verb's own options, wherever they stand") {
  if (!have("bash")) skip("no bash");
  check(offered_verb({""}) == Offers{"put", "get", "list"});
  check(offered_verb({"p"}) == Offers{"put"});
  check(offered_verb({"-v", "l"}) == Offers{"list"});
  check(offered_verb({"-p", "3", "l"}) == Offers{"list"}, "3 is a value");
  check(offered_verb({"put", "-"}) == Offers{"-p", "--priority", "--how", "-v", "--verbose"});
  check(offered_verb({"put", "q", "a", "--"}) == Offers{"--priority", "--how", "--verbose"});
  check(offered_verb({"get", "-"}) == Offers{"--how", "-k", "--keep", "-v", "--verbose"});
  check(offered_verb({"-k", "get", "--k"}) == Offers{"--keep"});
  check(offered_verb({"list", "-"}) == Offers{"-v", "--verbose"});
  check((offered_verb({"get", "--how", ""}) == Offers{"first", "last"}));
  check(offered_verb({"put", "-p", ""}).empty());
  check((offered_verb({"put", "f"}) == Offers{"file.txt"}), "a NAME can be a path");
}

TEST("bash offers a command behind -- to the verb that takes one") {
  if (!have("bash")) skip("no bash");
  check(offered_verb({"get", "q", "--", "print"}).contains("printf"));
  check((offered_verb({"get", "q", "--", "cat", "f"}) == Offers{"file.txt"}));
  check(offered_verb({"get", "q", "--", "cat", "--k"}).empty(), "options of the command are its own");
  check(offered_verb({"put", "q", "--", "print"}).empty());
}

TEST("fish offers verbs and their options") {
  if (!have("fish")) skip("no fish");
  const std::string script = ipc::completion_script(Shell::fish, "tool", kVerbs, kVerbOptions);
  check(fish_offers(script, "tool ").find("get\tget: [messages]") != std::string::npos);
  const std::string of_put = fish_offers(script, "tool put --");
  check(of_put.find("--priority") != std::string::npos && of_put.find("--verbose") != std::string::npos,
        of_put);
  check(of_put.find("--keep") == std::string::npos, of_put);
  check(fish_offers(script, "tool get q --how ").find("last") != std::string::npos);
}

TEST("zsh's script has for each verb what that verb takes") {
  const std::string script = ipc::completion_script(Shell::zsh, "tool", kVerbs, kVerbOptions);
  const auto part = [&](const std::string& verb) {
    const std::size_t begin = script.find("(" + verb + ") specs=(");
    require(begin != std::string::npos, verb);
    return script.substr(begin, script.find(") ;;", begin) - begin);
  };
  check(part("put").find("--priority[") != std::string::npos);
  check(part("put").find("--keep[") == std::string::npos);
  check(part("get").find("--keep[") != std::string::npos);
  check(part("get").find("--priority[") == std::string::npos);
  check(part("list").find("--verbose[") != std::string::npos);
}
