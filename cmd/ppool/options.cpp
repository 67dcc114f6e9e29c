/// The option table, and what options may not stand together.

#include "ipc/options.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/size.hpp"
#include "ipc/unnamed_file.hpp"

namespace {

using ipc::BadValue;
using ipc::refuse_if;
using std::string_view;

constexpr ipc::ToolText kText = {
    "ppool",
    "ppool [-n N] [OPTIONS] [--] COMMAND [ARG...]               one job per input record\n"
    "       ppool [-n N] [OPTIONS] [--] COMMAND [ARG...] ::: VALUE...  one job per VALUE\n"
    "       ppool [-n N] [OPTIONS] --sh SCRIPT                         the record is \"$1\" of SCRIPT\n"
    "       ppool [-n N] [OPTIONS] --commands                          each record is a command line\n",
    "Runs COMMAND once for each line of stdin, at most N at a time. {} anywhere in an argument,\n"
    "or an argument that is exactly <>, stands for the line; without either it is appended.\n"
    "Also {.} {/} {//} {/.} {#} (job) {%} (slot) {1} {2}... (columns, ::: groups).\n"};

void add_environment(Config& c, string_view value) {
  const auto equals = value.find('=');
  const std::string name(value.substr(0, equals));
  if (name.empty()) throw BadValue("needs a NAME");
  if (equals != string_view::npos) {
    c.environment.emplace_back(name, value.substr(equals + 1));
    return;
  }
  const char* present = std::getenv(name.c_str());
  if (present == nullptr) throw BadValue("is not in the environment");
  c.environment.emplace_back(name, present);
}

std::string path_value(string_view value) {
  if (value.empty()) throw BadValue("must not be empty");
  return std::string(value);
}

/// A directory in which files can be made.
std::string directory_value(string_view value) {
  std::string path = path_value(value);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw BadValue(ipc::reason(errno));
  if (!S_ISDIR(status.st_mode)) throw BadValue(ipc::reason(ENOTDIR));
  if (::access(path.c_str(), W_OK | X_OK) != 0) throw BadValue(ipc::reason(errno));
  return path;
}

/// RLIMIT_NICE of 20 - N permits nice values down to N.
bool may_be_nice(int change) {
  rlimit limit{};
  if (::geteuid() == 0 || ::getrlimit(RLIMIT_NICE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return true;
  return ::getpriority(PRIO_PROCESS, 0) + change >= 20 - static_cast<int>(limit.rlim_cur);
}

std::string delimiter_value(string_view value) {
  std::string bytes = ipc::parse_bytes(value);
  if (bytes.size() != 1) throw BadValue("must be one byte (or \\t \\n \\r \\0 \\\\ \\xHH)");
  return bytes;
}

ExitRule exit_value(string_view value) {
  if (value == "first") return ExitRule::first;
  if (value == "count") return ExitRule::count;
  throw BadValue("neither first nor count");
}

int nice_value(string_view value) {
  const bool negative = value.starts_with('-');
  const auto amount = static_cast<int>(ipc::parse_count(negative ? value.substr(1) : value, 0, 40));
  return negative ? -amount : amount;
}

constexpr ipc::Option<Config> kOptions[] = {
    {"", "", nullptr, "Records", nullptr},
    {"0", "null", nullptr, "records end with NUL instead of newline",
     [](Config& c, string_view) { c.null_delimited = true; }},
    {"d", "delimiter", "C", "records end with the byte C (or \\t \\0 \\xHH)",
     [](Config& c, string_view v) { c.delimiter = delimiter_value(v); }},
    {"a", "arg-file", "FILE", "read FILE instead of stdin (repeatable; - is stdin)",
     [](Config& c, string_view v) { c.files.push_back(path_value(v)); }},
    {"r", "no-run-if-empty", nullptr, "skip empty records",
     [](Config& c, string_view) { c.skip_empty = true; }},
    {"C", "colsep", "SEP", "cut records into columns {1} {2}... at SEP",
     [](Config& c, string_view v) { c.separator = ipc::parse_bytes(v); }},
    {"N", "max-records", "MAX", "give a job up to MAX records",
     [](Config& c, string_view v) { c.max_records = ipc::parse_count(v, 1, 1U << 30); }},
    {"", "queue", "NAME", "take the messages of the queue NAME (see pqueue)",
     [](Config& c, string_view v) { c.queue = path_value(v); }},
    {"", "until-empty", nullptr, "end when it is empty, though it is not closed",
     [](Config& c, string_view) { c.until_empty = true; }},
    {"X", "fit", nullptr, "give a job as many records as fit", [](Config& c, string_view) { c.fit = true; }},

    {"", "", nullptr, "Jobs", nullptr},
    {"njP", "jobs", "N", "run N at a time: N, +K, -K, N% of the processors (all)",
     [](Config& c, string_view v) { c.workers = WorkerCount::parse(v); }},
    {"I", "replace", "STR", "use STR as the placeholder in place of {}",
     [](Config& c, string_view v) { c.placeholder = path_value(v); }},
    {"", "sh", "SCRIPT", "run sh -c SCRIPT with the record as \"$1\"",
     [](Config& c, string_view v) { c.script = std::string(v); }},
    {"", "commands", nullptr, "run each record with sh -c",
     [](Config& c, string_view) { c.commands = true; }},
    {"", "tty", nullptr, "give the job the terminal (with -n 1 -u)",
     [](Config& c, string_view) { c.tty = true; }},
    {"", "nice", "INCREMENT", "add INCREMENT to the nice value of jobs",
     [](Config& c, string_view v) { c.nice = nice_value(v); }},
    {"", "wd", "DIR", "run jobs in DIR", [](Config& c, string_view v) { c.directory = path_value(v); }},
    {"", "env", "NAME[=VALUE]", "set NAME in jobs; alone, insist that it is set", add_environment},
    {"", "delay", "TIME", "wait TIME between starts",
     [](Config& c, string_view v) { c.delay = ipc::parse_duration(v); }},

    {"", "", nullptr, "Output", nullptr},
    {"k", "keep-order", nullptr, "write outputs in the order of the input",
     [](Config& c, string_view) { c.keep_order = true; }},
    {"u", "ungroup", nullptr, "let jobs write to stdout and stderr themselves",
     [](Config& c, string_view) { c.ungrouped = true; }},
    {"l", "line-buffer", nullptr, "write whole lines as they come",
     [](Config& c, string_view) { c.line_buffered = true; }},
    {"", "tag", nullptr, "begin each line with the record and a tab",
     [](Config& c, string_view) { c.tag = std::string(); }},
    {"", "tagstring", "STR", "begin each line with STR, placeholders replaced, and a tab",
     [](Config& c, string_view v) { c.tag = path_value(v); }},
    {"", "buffer", "SIZE", "hold at most SIZE of output in memory (64M)",
     [](Config& c, string_view v) { c.buffer = ipc::parse_size(v); }},
    {"", "tmpdir", "DIR", "keep what exceeds it in an unnamed file in DIR",
     [](Config& c, string_view v) { c.tmpdir = directory_value(v); }},
    {"", "results", "DIR", "also write DIR/SEQ/{stdout,stderr,args,status}",
     [](Config& c, string_view v) { c.results = path_value(v); }},
    {"", "joblog", "FILE", "log each finished job in a line of FILE",
     [](Config& c, string_view v) { c.joblog = path_value(v); }},
    {"v", "verbose", nullptr, "print each command line on stderr as it starts",
     [](Config& c, string_view) { c.verbose = true; }},
    {"", "progress", nullptr, "show how far it is on stderr",
     [](Config& c, string_view) { c.progress = true; }},
    {"", "dry-run", nullptr, "print the command lines and run nothing",
     [](Config& c, string_view) { c.dry_run = true; }},

    {"", "", nullptr, "Success, failure, limits", nullptr},
    {"", "exit", "first|count", "exit with the first failure's status, or the count of failures",
     [](Config& c, string_view v) { c.exit_rule = exit_value(v); }},
    {"t", "timeout", "TIME", "end a job that runs longer than TIME",
     [](Config& c, string_view v) { c.timeout = ipc::parse_duration(v); }},
    {"", "kill-after", "TIME", "send KILL this long after TERM (2s)",
     [](Config& c, string_view v) { c.kill_after = ipc::parse_duration(v); }},
    {"", "retries", "N", "try a failed job up to N more times (0; --queue: 3)",
     [](Config& c, string_view v) { c.retries = ipc::parse_count(v, 0, 1U << 30); }},
    {"", "backoff", "TIME", "wait TIME before the second try, then twice that, and so on",
     [](Config& c, string_view v) { c.backoff = ipc::parse_duration(v); }},
    {"e", "fail-fast", nullptr, "stop at the first failure: --halt now,fail=1",
     [](Config& c, string_view) { c.halt = HaltRule::parse("now,fail=1"); }},
    {"", "halt", "WHEN,WHAT=N", "stop now|soon when N or N% of the jobs fail|success|done",
     [](Config& c, string_view v) { c.halt = HaltRule::parse(v); }},
    {"", "resume", nullptr, "skip the records that --joblog has",
     [](Config& c, string_view) { c.resume = true; }},
    {"", "resume-failed", nullptr, "skip only those that succeeded",
     [](Config& c, string_view) { c.resume_failed = true; }},
};

/// COMMAND [ARG...] [::: VALUE...]...
void take_operands(std::span<char*> operands, Config& c) {
  std::vector<std::string>* into = &c.command;
  for (const char* operand : operands) {
    if (string_view(operand) == ":::") {
      into = &c.groups.emplace_back();
    } else {
      into->emplace_back(operand);
    }
  }
}

void check_command(const Config& c) {
  refuse_if(c.commands && c.script, "--sh: not together with --commands");
  refuse_if(c.commands && !c.command.empty(), "--commands: takes no COMMAND");
  refuse_if(c.script && !c.command.empty(), "--sh: takes no COMMAND");
  refuse_if(!c.commands && !c.script && c.command.empty(), "COMMAND: is missing");
  refuse_if(!c.command.empty() && c.command.front().empty(), "COMMAND: is empty");
}

void check_input(const Config& c) {
  refuse_if(c.null_delimited && c.delimiter != "\n", "-0: not together with -d");
  refuse_if(!c.groups.empty() && !c.files.empty(), ":::: not together with -a");
  refuse_if(c.max_records && c.fit, "-N: not together with -X");
  const bool many = c.max_records || c.fit;
  refuse_if(many && c.separator, "-C: not together with -N or -X");
  refuse_if(many && c.groups.size() > 1, "-N, -X: take one ::: group only");
  refuse_if(many && c.commands, "--commands: not together with -N or -X");
  refuse_if(c.separator && c.commands, "--commands: not together with -C");
  refuse_if(c.groups.size() > 1 && c.commands, "--commands: takes one ::: group only");
}

void check_queue(const Config& c) {
  refuse_if(c.until_empty && c.queue.empty(), "--until-empty: needs --queue");
  if (c.queue.empty()) return;
  refuse_if(!c.groups.empty(), "--queue: not together with :::");
  refuse_if(!c.files.empty(), "--queue: not together with -a");
  refuse_if(c.null_delimited || c.delimiter != "\n", "--queue: not together with -0 or -d");
  refuse_if(c.max_records || c.fit, "--queue: not together with -N or -X");
  refuse_if(c.resume || c.resume_failed, "--queue: not together with --resume");
  refuse_if(c.dry_run, "--queue: not together with --dry-run");
}

void check_output(const Config& c) {
  refuse_if(c.ungrouped && c.keep_order, "-u: not together with -k");
  refuse_if(c.ungrouped && c.line_buffered, "-u: not together with -l");
  refuse_if(c.keep_order && c.line_buffered, "-k: not together with -l");
  refuse_if(c.ungrouped && c.tag && c.tag->empty(), "-u: not together with --tag");
  refuse_if(c.ungrouped && c.tag, "-u: not together with --tagstring");
  refuse_if(c.ungrouped && !c.results.empty(), "-u: not together with --results");
  const bool alone = c.workers.kind == WorkerCount::Kind::exactly && c.workers.value == 1;
  refuse_if(c.tty && !(alone && c.ungrouped), "--tty: needs -n 1 and -u");
  refuse_if((c.resume || c.resume_failed) && c.joblog.empty(), "--resume: needs --joblog");
}

}  // namespace

Config configure(int argc, char** argv) {
  Config c;
  take_operands(ipc::parse(argc, argv, kText, kOptions, c), c);
  check_command(c);
  check_input(c);
  check_queue(c);
  check_output(c);
  if (c.null_delimited) c.delimiter = std::string(1, '\0');
  if (c.tmpdir.empty()) c.tmpdir = ipc::temporary_directory();
  refuse_if(c.nice < 0 && !may_be_nice(c.nice), "--nice: a lower nice value is not permitted");
  return c;
}
