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
std::multiset<std::string> offered(const Words& words) {
  const Scratch scratch;
  scratch.file("file.txt");
  scratch.file("other file");
  std::filesystem::create_directory(scratch / "directory");
  scratch.file("tool.bash", ipc::completion_script(Shell::bash, "tool", kOptions));
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
    scratch.file("script", ipc::completion_script(shell.shell, "tool", kOptions));
    check_equal(output_of(scratch, shell.check), "", shell.name);
  }
}

TEST("every option, short and long, and no heading, is in each script") {
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish}) {
    const std::string script = ipc::completion_script(shell, "tool", kOptions);
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
  const Scratch scratch;
  if (!have("fish")) skip("no fish");
  scratch.file("tool.fish", ipc::completion_script(Shell::fish, "tool", kOptions));
  const std::string text = output_of(scratch,
                                     "HOME=$PWD fish --no-config -c 'source tool.fish; complete -C \"tool "
                                     "--ke\"; complete -C \"tool --exit \"'");
  check(text.find("--keep-order\tkeep it's order") != std::string::npos, text);
  check(text.find("first") != std::string::npos && text.find("count") != std::string::npos, text);
}
