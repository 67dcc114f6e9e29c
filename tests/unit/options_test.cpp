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

constexpr ipc::VerbText kVerbs[] = {
    {"put", "NAME [MESSAGE...]", "put messages"},
    {"get", "NAME [-- COMMAND...]", "get messages"},
    {"list", "", "list what there is"},
};
constexpr ipc::Verbs kPut = 1;
constexpr ipc::Verbs kGet = 2;

constexpr ipc::ToolText kVerbTool = {"tool", "tool VERB\n", "Does things.\n"};

constexpr ipc::Option<Config> kVerbTable[] = {
    {"", "", nullptr, "Putting", nullptr},
    {"p", "priority", "N", "a number",
     [](Config& c, string_view v) {
       c.seen += "priority=" + std::to_string(ipc::parse_count(v, 0, 9)) + ';';
     },
     kPut},
    {"", "", nullptr, "Both", nullptr},
    {"0", "null", nullptr, "with a NUL", [](Config& c, string_view) { c.seen += "null;"; }, kPut | kGet},
    {"k", "keep", nullptr, "keep it", [](Config& c, string_view) { c.seen += "keep;"; }, kGet},
    {"v", "verbose", nullptr, "say more", [](Config& c, string_view) { c.seen += "verbose;"; }},
};

/// The applied options, a bar, the verb, the operands, and behind two dashes the rest.
std::string verb_parsed(std::vector<std::string> words) {
  std::vector<char*> argv;
  words.insert(words.begin(), "tool");
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Config config;
  const auto left =
      ipc::parse_verb(static_cast<int>(words.size()), argv.data(), kVerbTool, kVerbs, kVerbTable, config);
  std::string text = config.seen + '|' + kVerbs[left.verb].name;
  for (const char* operand : left.operands) text += ' ' + std::string(operand);
  if (left.dashes) text += " --";
  for (const char* word : left.rest) text += ' ' + std::string(word);
  return text;
}

std::string verb_refusal(const std::vector<std::string>& words, tap::Here at = tap::Here::current()) {
  return check_throws<UsageError>([&] { (void)verb_parsed(words); }, words.empty() ? "" : words.front(), at);
}

std::string verb_answer(const std::vector<std::string>& words) {
  try {
    (void)verb_parsed(words);
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

TEST("a verb comes first among the operands, options stand anywhere before --") {
  check_equal(verb_parsed({"put", "q", "a"}), "|put q a");
  check_equal(verb_parsed({"put", "-p", "3", "q", "a"}), "priority=3;|put q a");
  check_equal(verb_parsed({"put", "q", "-p3", "a", "-0"}), "priority=3;null;|put q a");
  check_equal(verb_parsed({"-0", "put", "q", "--priority", "3", "a"}), "null;priority=3;|put q a");
  check_equal(verb_parsed({"put", "q", "-0v", "a"}), "null;verbose;|put q a");
  check_equal(verb_parsed({"list"}), "|list");
  check_equal(verb_parsed({"put", "", "-"}), "|put  -", "an empty word and a dash are operands");
}

TEST("what follows -- is the rest, whatever it looks like") {
  check_equal(verb_parsed({"get", "q", "--", "cmd", "-k", "--help"}), "|get q -- cmd -k --help");
  check_equal(verb_parsed({"get", "-k", "q", "--", "--"}), "keep;|get q -- --");
  check_equal(verb_parsed({"get", "q", "--"}), "|get q --");
  check_equal(verb_parsed({"get", "q"}), "|get q", "none is not an empty one");
}

TEST("an argument that reads as a negative number is an operand, but for -0") {
  check_equal(verb_parsed({"put", "q", "-1", "-250", "-2.5", "-.5", "-05"}), "|put q -1 -250 -2.5 -.5 -05");
  check_equal(verb_parsed({"put", "q", "-0", "-00"}), "null;null;null;|put q");
  check_equal(verb_parsed({"put", "q", "-v", "-1", "-v"}), "verbose;verbose;|put q -1", "between options");
  check_equal(verb_refusal({"-1", "put"}), "-1: unknown verb", "as the first word of all");
  check_equal(verb_refusal({"put", "q", "-1x"}), "-1: unknown option");
  check_equal(verb_refusal({"put", "q", "-1."}), "-1: unknown option");
  check_equal(verb_refusal({"put", "q", "-1.2.3"}), "-1: unknown option");
  check_equal(verb_refusal({"put", "q", "-v1"}), "-1: unknown option", "in a cluster");
  check_equal(verb_refusal({"put", "-p", "-1", "q"}), "-p -1: not a number from 0 to 9", "and as a value");
}

TEST("an option that a verb does not take is refused, wherever it stands") {
  check_equal(verb_refusal({"get", "q", "-p", "3"}), "-p: not an option of get");
  check_equal(verb_refusal({"-p3", "get", "q"}), "-p: not an option of get");
  check_equal(verb_refusal({"put", "--keep", "q"}), "--keep: not an option of put");
  check_equal(verb_refusal({"list", "-0"}), "-0: not an option of list");
  check_equal(verb_refusal({"get", "q", "-p", "x"}), "-p: not an option of get",
              "before its value is looked at");
  check_equal(verb_parsed({"list", "-v"}), "verbose;|list");
}

TEST("a verb that is missing or unknown is told") {
  check_equal(verb_refusal({}), "VERB: is missing");
  check_equal(verb_refusal({"-v"}), "VERB: is missing");
  check_equal(verb_refusal({"--", "put"}), "VERB: is missing");
  check_equal(verb_refusal({"frob", "q"}), "frob: unknown verb");
  check_equal(verb_refusal({"frob", "-v"}), "frob: unknown verb");
  check_equal(verb_refusal({"pu", "q"}), "pu: unknown verb");
  check_equal(verb_refusal({""}), ": unknown verb");
}

TEST("--help lists the verbs and all options; behind a verb it tells of that one") {
  const std::string all = verb_answer({"--help"});
  check_equal(all,
              "Usage: tool VERB\n"
              "\n"
              "Does things.\n"
              "\n"
              "Verbs:\n"
              "  put NAME [MESSAGE...]     put messages\n"
              "  get NAME [-- COMMAND...]  get messages\n"
              "  list                      list what there is\n"
              "\n"
              "Putting:\n"
              "  -p, --priority N          a number\n"
              "\n"
              "Both:\n"
              "  -0, --null                with a NUL\n"
              "  -k, --keep                keep it\n"
              "  -v, --verbose             say more\n"
              "\n"
              "Other:\n"
              "  --completions bash|zsh|fish\n"
              "                            print the completion script of a shell\n"
              "  --help                    print this help\n"
              "  --version                 print the version\n");
  const std::string of_get = verb_answer({"get", "--help"});
  check(of_get.starts_with("Usage: tool get [OPTIONS] NAME [-- COMMAND...]\n\nGet messages.\n\nBoth:\n"),
        of_get);
  check(!has(of_get, "--priority") && !has(of_get, "Putting") && has(of_get, "--keep"), of_get);
  check_equal(verb_answer({"get", "q", "-v", "--help", "--nonsense"}), of_get);
  check_equal(verb_answer({"frob", "--help"}), all);
  check(has(verb_answer({"list", "--help"}), "Usage: tool list [OPTIONS]\n"));
  check_equal(verb_answer({"put", "--version"}), verb_answer({"--version"}));
}

TEST("mistakes in options come before the verb, and a refused cluster leaves no trace") {
  check_equal(verb_refusal({"put", "q", "-x"}), "-x: unknown option");
  check_equal(verb_refusal({"put", "q", "-p"}), "-p: needs a value");
  check_equal(verb_refusal({"put", "-xv"}), "-x: unknown option");
  check_equal(verb_parsed({"put", "-1", "-v"}), "verbose;|put -1");
}
