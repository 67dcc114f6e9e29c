/// The language of util-linux flock(1), for scripts that call it by that name.

#include <cctype>
#include <string_view>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/options.hpp"
#include "ipc/size.hpp"

namespace {

using ipc::BadValue;
using ipc::refuse_if;
using ipc::UsageError;
using std::string_view;

constexpr ipc::ToolText kText = {"flock",
                                 "flock [OPTIONS] FILE|DIRECTORY [--] COMMAND [ARG...]\n"
                                 "       flock [OPTIONS] FILE|DIRECTORY -c COMMAND\n"
                                 "       flock [OPTIONS] FD\n",
                                 "plock under the name of flock(1), with its options and statuses.\n", "h",
                                 "V"};

ipc::Duration seconds(string_view value) {
  if (value.empty() || std::isalpha(static_cast<unsigned char>(value.back())) != 0)
    throw BadValue("not a number of seconds");
  return ipc::parse_duration(value);
}

constexpr ipc::Option<Config> kOptions[] = {
    {"", "", nullptr, "Lock", nullptr},
    {"xe", "exclusive", nullptr, "lock out everybody else (default)",
     [](Config& c, string_view) {
       c.mode = ipc::FileLock::Mode::exclusive;
       c.unlock = false;
     }},
    {"s", "shared", nullptr, "share it with others who ask for that",
     [](Config& c, string_view) {
       c.mode = ipc::FileLock::Mode::shared;
       c.unlock = false;
     }},
    {"u", "unlock", nullptr, "unlock", [](Config& c, string_view) { c.unlock = true; }},
    {"n", "nonblocking", nullptr, "fail rather than wait",
     [](Config& c, string_view) { c.wait = ipc::Duration::zero(); }},
    {"", "nb", nullptr, "the same", [](Config& c, string_view) { c.wait = ipc::Duration::zero(); }},
    {"w", "timeout", "SECONDS", "wait at most SECONDS",
     [](Config& c, string_view v) { c.wait = seconds(v); }},
    {"", "wait", "SECONDS", "the same", [](Config& c, string_view v) { c.wait = seconds(v); }},
    {"E", "conflict-exit-code", "CODE", "exit with CODE when it was not obtained (1)",
     [](Config& c, string_view v) { c.conflict_status = static_cast<int>(ipc::parse_count(v, 0, 255)); }},

    {"", "", nullptr, "Command", nullptr},
    {"o", "close", nullptr, "close the descriptor in COMMAND",
     [](Config& c, string_view) { c.close = true; }},
    {"F", "no-fork", nullptr, "leave no process of its own (default but for -o)",
     [](Config& c, string_view) { c.no_fork = true; }},
    {"c", "command", nullptr, "stands before a command for the shell",
     [](Config&, string_view) { throw BadValue("belongs after FILE"); }},
    {"", "verbose", nullptr, "tell what happens, on stderr",
     [](Config& c, string_view) { c.verbose = true; }},
};

void take_command(std::span<char*> operands, Config& c) {
  if (operands.empty()) return;
  const string_view first = operands[0];
  if (first == "-c" || first == "--command") {
    refuse_if(operands.size() != 2, "-c: needs exactly one argument, a command for the shell");
    c.script = operands[1];
  } else {
    c.command = first == "--" ? operands.subspan(1) : operands;
  }
}

}  // namespace

Config configure_as_flock(int argc, char** argv) {
  Config c;
  c.personality = Personality::flock;
  const auto operands = ipc::parse(argc, argv, kText, kOptions, c);
  refuse_if(operands.empty(), "FILE: is missing");
  refuse_if(c.no_fork && c.close, "-F: not with -o");
  c.lock = operands.front();
  take_command(operands.subspan(1), c);
  c.stay = c.close;
  if (c.script || !c.command.empty()) return c;
  c.action = Action::descriptor;
  try {
    c.descriptor = descriptor_number(c.lock.c_str());
  } catch (const BadValue&) {
    throw UsageError(c.lock + ": neither a descriptor nor followed by a COMMAND");
  }
  return c;
}
