#include "ipc/options.hpp"

#include <string>
#include <vector>

#include "ipc/error.hpp"
#include "ipc/size.hpp"
#include "tap.hpp"

namespace {

using ipc::Answer;
using ipc::UsageError;
using std::string_view;

struct Config {
  std::string seen;  ///< what was applied, in order
  std::uint64_t jobs = 0;
};

constexpr ipc::ToolText kTool = {"tool", "tool [OPTIONS] COMMAND\n       tool --other\n", "Does things.\n"};

/// The same with letters for what every tool has.
constexpr ipc::ToolText kLettered = {kTool.name, kTool.synopsis, kTool.summary, "h", "V"};

constexpr ipc::Option<Config> kTable[] = {
    {"", "", nullptr, "First things", nullptr},
    {"njP", "jobs", "N", "run N at a time",
     [](Config& c, string_view v) {
       c.jobs = ipc::parse_count(v, 1, 100);
       c.seen += "jobs=" + std::string(v) + ';';
     }},
    {"k", "keep-order", nullptr, "keep the order",
     [](Config& c, string_view v) { c.seen += "keep" + std::string(v) + ';'; }},
    {"", "", nullptr, "Second things", nullptr},
    {"", "tag", nullptr, "begin lines with a tag", [](Config& c, string_view) { c.seen += "tag;"; }},
    {"", "tagstring", "STR", "begin lines with STR",
     [](Config& c, string_view v) { c.seen += "tagstring=" + std::string(v) + ';'; }},
    {"0", "null", nullptr, "a digit for a letter", [](Config& c, string_view) { c.seen += "null;"; }},
};

/// What parse() made of the words: the applied options, a bar, the operands.
std::string parsed(std::vector<std::string> words, const ipc::ToolText& tool = kTool) {
  std::vector<char*> argv;
  words.insert(words.begin(), "tool");
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Config config;
  const auto operands = ipc::parse(static_cast<int>(words.size()), argv.data(), tool, kTable, config);
  std::string text = config.seen + '|';
  for (const char* operand : operands) text += std::string(operand) + ' ';
  return text;
}

std::string refusal(const std::vector<std::string>& words, tap::Here at = tap::Here::current()) {
  return check_throws<UsageError>([&] { (void)parsed(words); }, words.empty() ? "" : words.front(), at);
}

std::string answer(const std::vector<std::string>& words, const ipc::ToolText& tool = kTool) {
  try {
    (void)parsed(words, tool);
  } catch (const Answer& answer) {
    return answer.text;
  }
  check(false, "it did not answer");
  return {};
}

bool has(const std::string& text, string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST("options are applied in their order, operands are returned") {
  check_equal(parsed({}), "|");
  check_equal(parsed({"-k", "-n", "4", "cmd"}), "keep;jobs=4;|cmd ");
  check_equal(parsed({"-n", "4", "-k", "-n", "5", "cmd", "a b"}), "jobs=4;keep;jobs=5;|cmd a b ");
}

TEST("all ways to write an option") {
  for (const auto& words : std::vector<std::vector<std::string>>{{"-n", "4"},
                                                                 {"-n4"},
                                                                 {"-j", "4"},
                                                                 {"-P4"},
                                                                 {"--jobs", "4"},
                                                                 {"--jobs=4"},
                                                                 {"--job=4"},
                                                                 {"--j", "4"}}) {
    check_equal(parsed(words), "jobs=4;|", words.front());
  }
  check_equal(parsed({"-kn4"}), "keep;jobs=4;|");
  check_equal(parsed({"-0k"}), "null;keep;|");
  check_equal(parsed({"--tagstring="}), "tagstring=;|");
  check_equal(parsed({"--tagstring", "-k"}), "tagstring=-k;|");
  check_equal(parsed({"--tagstring", "--"}), "tagstring=--;|");
}

TEST("options end at the first operand and at --, which is dropped") {
  check_equal(parsed({"cmd", "-k", "--jobs", "4"}), "|cmd -k --jobs 4 ");
  check_equal(parsed({"-k", "--", "-n", "4"}), "keep;|-n 4 ");
  check_equal(parsed({"--", "--"}), "|-- ");
  check_equal(parsed({"cmd", "--", "x"}), "|cmd -- x ");
  check_equal(parsed({"-k", "-", "-k"}), "keep;|- -k ", "a dash is an operand");
  check_equal(parsed({"", "-k"}), "| -k ", "and so is an empty word");
}

TEST("an exact name wins over those it begins") { check_equal(parsed({"--tag", "x"}), "tag;|x "); }

TEST("unknown options are refused by name") {
  check_equal(refusal({"-x"}), "-x: unknown option");
  check_equal(refusal({"-kx"}), "-x: unknown option");
  check_equal(refusal({"-?"}), "-?: unknown option");
  check_equal(refusal({"-:"}), "-:: unknown option");
  check(refusal({"--nonsense"}).starts_with("--nonsense: unknown"));
  check(refusal({"--nonsense=5"}).starts_with("--nonsense=5: unknown"));
  check(refusal({"-k", "--Jobs", "4"}).starts_with("--Jobs: unknown"));
}

TEST("a name that could be two is refused") {
  check_equal(parsed({"--tags", "x"}), "tagstring=x;|", "this one could not");
  check(has(refusal({"--ta"}), "ambiguous"));
  check(refusal({"--ta"}).starts_with("--ta: "));
}

TEST("a missing value is told, and one too many") {
  check_equal(refusal({"-n"}), "-n: needs a value");
  check_equal(refusal({"-k", "-P"}), "-P: needs a value");
  check_equal(refusal({"--jobs"}), "--jobs: needs a value");
  check_equal(refusal({"--completions"}), "--completions: needs a value");
  check_equal(refusal({"--keep-order=yes"}), "--keep-order: takes no value");
  check_equal(refusal({"--help=yes"}), "--help: takes no value");
}

TEST("a bad value is told with the option as it was written") {
  check_equal(refusal({"-n", "x"}), "-n x: not a number from 1 to 100");
  check_equal(refusal({"-j0"}), "-j 0: not a number from 1 to 100");
  check_equal(refusal({"--jobs", "101"}), "--jobs 101: not a number from 1 to 100");
  check_equal(refusal({"--job="}), "--jobs '': not a number from 1 to 100");
}

TEST("the first mistake is the one that is told, and nothing behind it is looked at") {
  check_equal(refusal({"-n", "x", "--nonsense", "--help"}), "-n x: not a number from 1 to 100");
  check(has(answer({"--help", "--nonsense"}), "Usage"));
}

TEST("a refused cluster leaves no trace in the next parse") {
  (void)refusal({"-xk"});
  check_equal(parsed({"-n", "4", "cmd"}), "jobs=4;|cmd ");
  (void)refusal({"-xn7"});
  check_equal(parsed({"cmd"}), "|cmd ");
}

TEST("--help shows every option under its heading") {
  check_equal(answer({"--help"}),
              "Usage: tool [OPTIONS] COMMAND\n"
              "       tool --other\n"
              "\n"
              "Does things.\n"
              "\n"
              "First things:\n"
              "  -n, -j, -P, --jobs N      run N at a time\n"
              "  -k, --keep-order          keep the order\n"
              "\n"
              "Second things:\n"
              "  --tag                     begin lines with a tag\n"
              "  --tagstring STR           begin lines with STR\n"
              "  -0, --null                a digit for a letter\n"
              "\n"
              "Other:\n"
              "  --completions bash|zsh|fish\n"
              "                            print the completion script of a shell\n"
              "  --help                    print this help\n"
              "  --version                 print the version\n");
  check_equal(answer({"-k", "--he"}), answer({"--help"}));
}

TEST("--help comes from the table that is given") {
  const ipc::OptionText options[] = {{"a", "all", nullptr, "take all"}};
  const std::string text = ipc::help_text(kTool, options);
  check(has(text, "  -a, --all                 take all\n"));
  check(!has(text, "--help"));
}

TEST("--version names the tool and the suite") {
  const std::string text = answer({"--version"});
  check(text.starts_with("tool (ipcutils) "));
  check_equal(text, "tool (ipcutils) " IPCUTILS_VERSION "\n");
}

TEST("--completions prints the script of a known shell") {
  check(has(answer({"--completions", "bash"}), "complete -F"));
  check(has(answer({"--completions=zsh"}), "#compdef tool"));
  check(has(answer({"--completions", "fish"}), "complete -c tool"));
  check_equal(refusal({"--completions", "csh"}), "--completions csh: not bash, zsh or fish");
}

TEST("--help is an operand's own after the first operand") {
  check_equal(parsed({"cmd", "--help"}), "|cmd --help ");
}

TEST("letters for --help and --version, where a tool has them") {
  check_equal(answer({"-V"}, kLettered), answer({"--version"}));
  const std::string help = answer({"-h"}, kLettered);
  check_equal(help, answer({"--help"}, kLettered));
  check(has(help, "  -h, --help                print this help\n"));
  check(has(help, "  -V, --version             print the version\n"));
  check_equal(answer({"-kh"}, kLettered), help, "in a cluster");
  check_equal(parsed({"cmd", "-h", "-V"}, kLettered), "|cmd -h -V ");
  check_equal(refusal({"-h"}), "-h: unknown option", "and no letters where it has none");
  check_equal(refusal({"-V"}), "-V: unknown option");
}

TEST("without options the operands are the words themselves") {
  check_equal(parsed({"cmd"}), "|cmd ");
  check_equal(parsed({"cmd", "--version"}), "|cmd --version ");
  check_equal(parsed({"", "x"}), "| x ");
}
