/// The option table, and what may not stand together.

#include "ipc/options.hpp"

#include <cctype>
#include <climits>
#include <string_view>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/semaphore.hpp"
#include "ipc/size.hpp"

namespace {

using ipc::BadValue;
using ipc::refuse_if;
using ipc::UsageError;
using std::string_view;

constexpr ipc::ToolText kText = {
    "plock",
    "plock [OPTIONS] LOCK [--] COMMAND [ARG...]    run COMMAND while holding LOCK\n"
    "       plock [OPTIONS] LOCK -c COMMAND               the same with sh -c\n"
    "       plock [-s|-x|-u] [-n|-w TIME] FD              lock or unlock an open descriptor\n"
    "       plock -j N NAME [--] COMMAND [ARG...]         run COMMAND, at most N at a time\n"
    "       plock --take|--post|--value|--remove NAME     a semaphore by itself\n"
    "       plock -l [LOCK]                               who holds it, who waits\n",
    "LOCK is a path when it has a /, else a NAME. COMMAND's status is passed on.\n"};

int count_value(string_view value, unsigned least) {
  return static_cast<int>(ipc::parse_count(value, least, ipc::Semaphore::kMost));
}

void set_hold(Config& c, string_view value) {
  if (value != "tree" && value != "command") throw BadValue("neither tree nor command");
  c.hold_tree = value == "tree";
  c.stay = !c.hold_tree;
}

template <Action action>
void ask(Config& c, string_view) {
  c.asked_for_two |= c.asked && c.asked != action;
  c.asked = action;
}

void set_timeout(Config& c, string_view value) { c.timeout = ipc::parse_duration(value); }

constexpr ipc::Option<Config> kOptions[] = {
    {"", "", nullptr, "Lock", nullptr},
    {"xe", "exclusive", nullptr, "lock out everybody else (default)",
     [](Config& c, string_view) { c.mode = ipc::FileLock::Mode::exclusive; }},
    {"s", "shared", nullptr, "share it with others who ask for that",
     [](Config& c, string_view) { c.mode = ipc::FileLock::Mode::shared; }},
    {"u", "unlock", nullptr, "unlock the descriptor FD", [](Config& c, string_view) { c.unlock = true; }},
    {"n", "nonblock", nullptr, "do not wait, exit with 1",
     [](Config& c, string_view) { c.wait = ipc::Duration::zero(); }},
    {"w", "wait", "TIME", "wait at most TIME, then exit with 124",
     [](Config& c, string_view v) { c.wait = ipc::parse_duration(v); }},
    {"E", "conflict-exit-code", "CODE", "exit with CODE when it was not obtained",
     [](Config& c, string_view v) { c.conflict_status = static_cast<int>(ipc::parse_count(v, 0, 255)); }},
    {"r", "recursive", nullptr, "run at once when COMMAND's caller holds it already",
     [](Config& c, string_view) { c.recursive = true; }},
    {"v", "verbose", nullptr, "tell whom it waits for", [](Config& c, string_view) { c.verbose = true; }},

    {"", "", nullptr, "Command", nullptr},
    {"c", "command", "COMMAND", "run sh -c COMMAND (also after LOCK)",
     [](Config& c, string_view v) { c.script = std::string(v); }},
    {"", "hold", "tree|command", "until COMMAND and its descendants end, or COMMAND (tree)", set_hold},
    {"o", "hold-command", nullptr, "the same as --hold command",
     [](Config& c, string_view) { set_hold(c, "command"); }},
    {"t", "timeout", "TIME", "end COMMAND after TIME, exit with 124", set_timeout},

    {"", "", nullptr, "Semaphore", nullptr},
    {"j", "permits", "N", "let N hold it at a time; N is kept",
     [](Config& c, string_view v) { c.permits = count_value(v, 0); }},
    {"", "resize", nullptr, "make it N from now on", [](Config& c, string_view) { c.resize = true; }},
    {"", "take", nullptr, "take a permit and keep it", ask<Action::take>},
    {"", "post", nullptr, "give a permit, taken or not", ask<Action::post>},
    {"", "bounded", "N", "begin with N and refuse to be given more",
     [](Config& c, string_view v) { c.ceiling = count_value(v, 1); }},
    {"", "value", nullptr, "print how many permits are free", ask<Action::value>},
    {"", "remove", nullptr, "delete it, unless it is in use", ask<Action::remove>},
    {"", "force", nullptr, "delete it all the same", [](Config& c, string_view) { c.force = true; }},

    {"", "", nullptr, "Listing", nullptr},
    {"l", "list", nullptr, "list holders and waiters", ask<Action::list>},
    {"", "json", nullptr, "list them as JSON", [](Config& c, string_view) { c.json = true; }},
};

/// LOCK, then [--] COMMAND [ARG...], or -c COMMAND.
void take_operands(std::span<char*> operands, Config& c) {
  if (operands.empty()) return;
  c.lock = operands.front();
  refuse_if(c.lock.empty(), "LOCK: is empty");
  operands = operands.subspan(1);
  if (!operands.empty() && (string_view(operands[0]) == "-c" || string_view(operands[0]) == "--command")) {
    refuse_if(operands.size() != 2, "-c: needs exactly one argument, a command for the shell");
    refuse_if(c.script.has_value(), "-c: is given twice");
    c.script = operands[1];
    return;
  }
  const bool dashes = !operands.empty() && string_view(operands[0]) == "--";
  c.command = dashes ? operands.subspan(1) : operands;
  refuse_if(dashes && c.command.empty() && !c.script, "COMMAND: is missing");
}

void choose_action(Config& c) {
  refuse_if(c.asked_for_two, "--take, --post, --value, --remove, -l: only one of them");
  const bool commanded = c.script || !c.command.empty();
  refuse_if(c.asked && commanded, "COMMAND: not with --take, --post, --value, --remove or -l");
  refuse_if(c.lock.empty() && c.asked != Action::list, "LOCK: is missing");
  if (c.asked) {
    c.action = *c.asked;
  } else if (c.permits || c.ceiling) {
    c.action = c.resize && !commanded ? Action::resize : Action::permit;
  } else if (!commanded && is_all_digits(c.lock.c_str())) {
    c.action = Action::descriptor;
  }
}

void check_command(const Config& c) {
  const bool runs = c.action == Action::run || c.action == Action::permit;
  refuse_if(c.unlock && c.action != Action::descriptor, "-u: needs an FD");
  if (runs && !c.script && c.command.empty()) throw UsageError(c.lock + ": needs a COMMAND");
  refuse_if(c.script && !c.command.empty(), "-c: takes no further COMMAND");
  refuse_if(!c.command.empty() && c.command[0][0] == '\0', "COMMAND: is empty");
  refuse_if(!runs && (c.timeout || c.stay || c.hold_tree), "--hold, -o, -t: need a COMMAND");
  refuse_if(c.recursive && c.action != Action::run, "-r: needs a LOCK and a COMMAND");
  refuse_if(c.hold_tree && c.timeout, "-t: not with --hold tree");
  refuse_if(c.hold_tree && c.action == Action::permit, "--hold tree: not with -j, a permit is one process's");
}

void check_semaphore(const Config& c) {
  const bool by_itself = c.action == Action::take || c.action == Action::post;
  const bool makes = by_itself || c.action == Action::permit || c.action == Action::resize;
  refuse_if((c.permits || c.ceiling) && !makes, "-j, --bounded: not with --value, --remove or -l");
  refuse_if(makes && c.mode == ipc::FileLock::Mode::shared, "-s: not with a semaphore");
  refuse_if(c.permits == 0 && !by_itself, "-j 0: must be from 1 to 32767");
  refuse_if(c.resize && !c.permits, "--resize: needs -j");
  refuse_if(c.resize && c.ceiling, "--resize: not with --bounded");
  refuse_if(c.resize && by_itself, "--resize: not with --take or --post");
  refuse_if(c.permits && c.ceiling && *c.permits > *c.ceiling, "-j: more than --bounded");
  refuse_if(c.force && c.action != Action::remove, "--force: needs --remove");
  refuse_if(c.json && c.action != Action::list, "--json: needs -l");
}

}  // namespace

bool is_all_digits(const char* text) noexcept {
  for (const char* c = text; *c != '\0'; ++c) {
    if (std::isdigit(static_cast<unsigned char>(*c)) == 0) return false;
  }
  return text[0] != '\0';
}

int descriptor_number(const char* text) { return static_cast<int>(ipc::parse_count(text, 0, INT_MAX)); }

Config configure(int argc, char** argv) {
  Config c;
  take_operands(ipc::parse(argc, argv, kText, kOptions, c), c);
  choose_action(c);
  check_command(c);
  check_semaphore(c);
  if (c.timeout) c.stay = true;
  if (c.action == Action::descriptor) {
    try {
      c.descriptor = descriptor_number(c.lock.c_str());
    } catch (const BadValue& bad) {
      throw UsageError(c.lock + ": " + bad.what());
    }
  }
  return c;
}
