/// The verbs, the option table, and what may not stand together.

#include "ipc/options.hpp"

#include <limits>
#include <string_view>
#include <utility>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/size.hpp"

namespace {

using ipc::BadValue;
using ipc::refuse_if;
using ipc::UsageError;
using std::string_view;

constexpr ipc::ToolText kText = {"pqueue", "pqueue VERB [OPTIONS] [NAME [ARG...]]\n",
                                 "Named message queues between processes. NAME is a path when it has a /.\n"};

/// In the order of Verb.
constexpr ipc::VerbText kVerbs[] = {
    {"put", "NAME [MESSAGE...]", "put messages, or else each line of stdin"},
    {"get", "NAME [-- COMMAND...]", "print messages, or run COMMAND for each"},
    {"call", "NAME [MESSAGE]", "put one, print its answer, exit with its status"},
    {"result", "NAME ID", "the same for one that was put with --reply"},
    {"done", "NAME LEASE", "settle what get --lease took"},
    {"requeue", "NAME LEASE", "give it back"},
    {"join", "NAME", "wait until all that was put is dealt with"},
    {"close", "NAME", "let nobody put any more"},
    {"size", "NAME", "print how many messages are queued or delayed"},
    {"empty", "NAME", "exit 0 when none is, else 1"},
    {"full", "NAME", "exit 0 when it has no room, else 1"},
    {"stat", "NAME", "print what there is to know about it"},
    {"peek", "NAME", "print messages without taking them"},
    {"purge", "NAME", "drop what is queued or delayed"},
    {"verify", "NAME", "check everything, exit 1 when it is damaged"},
    {"rm", "NAME", "remove it, unless messages are in somebody's hands"},
    {"list", "", "print every queue that has a plain name"},
    {"create", "NAME", "make it"},
};

constexpr ipc::Verbs bit(Verb verb) { return ipc::Verbs{1} << static_cast<unsigned>(verb); }

template <class... More>
constexpr ipc::Verbs bits(More... verbs) {
  return (bit(verbs) | ...);
}

static_assert(std::size(kVerbs) == static_cast<std::size_t>(Verb::create) + 1);
constexpr ipc::Verbs kFramed = bits(Verb::put, Verb::get, Verb::peek);
constexpr ipc::Verbs kWaiting = bits(Verb::put, Verb::get, Verb::call, Verb::result, Verb::join);
constexpr ipc::Verbs kMaking = bits(Verb::put, Verb::create);
constexpr ipc::Verbs kOpening = ~bits(Verb::rm, Verb::list);

/// What the options make, and what only the checks need to know.
struct Draft {
  Config config;
  bool framed = false;
  bool keep = false;
  const char* of_command = nullptr;  ///< an option that needs a COMMAND
};

void frame(Draft& d, Framing framing) {
  if (d.framed) throw BadValue("only one of -0, -d, --len and --whole");
  d.framed = true;
  d.config.framing = framing;
}

void set_delimiter(Draft& d, string_view value) {
  const std::string bytes = ipc::parse_bytes(value);
  if (bytes.size() != 1) throw BadValue("not one byte");
  frame(d, {Framing::Kind::delimited, bytes[0]});
}

ipc::Duration parse_positive(string_view value) {
  const ipc::Duration span = ipc::parse_duration(value);
  if (span == ipc::Duration::zero()) throw BadValue("must be more than 0");
  return span;
}

std::uint64_t parse_limit(string_view value, std::uint64_t most) {
  const std::uint64_t size = ipc::parse_size(value);
  if (size == 0 || size > most) throw BadValue("must be from 1 to " + std::to_string(most));
  return size;
}

mode_t parse_mode(string_view value) {
  if (value.empty() || value.size() > 4 || value.find_first_not_of("01234567") != string_view::npos)
    throw BadValue("not an octal mode");
  mode_t mode = 0;
  for (const char digit : value) mode = mode * 8 + static_cast<mode_t>(digit - '0');
  if (mode > 0777) throw BadValue("not a mode of reading, writing and searching");
  return mode;
}

constexpr std::uint64_t kMostCount = std::numeric_limits<std::int64_t>::max();
constexpr unsigned kMostJobs = 65536;
constexpr unsigned kMostRetries = 1'000'000;

constexpr ipc::Option<Draft> kOptions[] = {
    {"", "", nullptr, "Messages going in or out", nullptr},
    {"0", "null", nullptr, "end with a NUL byte, not a newline",
     [](Draft& d, string_view) {
       frame(d, {Framing::Kind::delimited, '\0'});
     },
     kFramed},
    {"d", "delimiter", "C", "end with the byte C", set_delimiter, kFramed},
    {"", "len", nullptr, "begin with their length and a newline",
     [](Draft& d, string_view) { frame(d, {Framing::Kind::length}); }, kFramed},
    {"", "whole", nullptr, "all of stdin is one",
     [](Draft& d, string_view) { frame(d, {Framing::Kind::whole}); }, bits(Verb::put)},

    {"", "", nullptr, "Waiting", nullptr},
    {"n", "no-wait", nullptr, "do not wait, exit with 1",
     [](Draft& d, string_view) { d.config.timeout = ipc::Duration::zero(); }, kWaiting},
    {"t", "timeout", "TIME", "wait at most TIME, then exit with 124",
     [](Draft& d, string_view v) { d.config.timeout = ipc::parse_duration(v); }, kWaiting},

    {"", "", nullptr, "Putting", nullptr},
    {"p", "priority", "PRIO", "0 to 9, the higher first (0)",
     [](Draft& d, string_view v) {
       d.config.put.priority = static_cast<int>(ipc::parse_count(v, 0, queue::kPriorities - 1));
     },
     bits(Verb::put, Verb::call)},
    {"", "delay", "TIME", "let nobody have them before TIME has passed",
     [](Draft& d, string_view v) { d.config.put.delay = ipc::parse_duration(v); }, bits(Verb::put)},
    {"i", "id", nullptr, "print the id of each", [](Draft& d, string_view) { d.config.print_ids = true; },
     bits(Verb::put)},
    {"", "reply", nullptr, "keep a place for an answer; implies -i",
     [](Draft& d, string_view) { d.config.put.wants_answer = d.config.print_ids = true; }, bits(Verb::put)},

    {"", "keep", "TIME", "drop the answer when nobody reads it for TIME (1h)",
     [](Draft& d, string_view v) {
       d.config.put.keep = parse_positive(v);
       d.keep = true;
     },
     bits(Verb::put, Verb::call)},

    {"", "", nullptr, "Getting", nullptr},
    {"c", "count", "N", "as many as N (1)",
     [](Draft& d, string_view v) { d.config.count = ipc::parse_count(v, 1, kMostCount); },
     bits(Verb::get, Verb::peek)},
    {"", "all", nullptr, "what is there now", [](Draft& d, string_view) { d.config.all = true; },
     bits(Verb::get)},
    {"f", "follow", nullptr, "go on until it is closed and drained",
     [](Draft& d, string_view) { d.config.follow = true; }, bits(Verb::get)},
    {"", "lease", "TIME", "lend for TIME: print LEASE, a tab, the message",
     [](Draft& d, string_view v) { d.config.lease_time = parse_positive(v); }, bits(Verb::get)},
    {"v", "verbose", nullptr, "also print id, priority, attempts, age",
     [](Draft& d, string_view) { d.config.verbose = true; }, bits(Verb::peek)},

    {"", "", nullptr, "Running COMMAND", nullptr},
    {"j", "jobs", "N", "run N at a time (1)",
     [](Draft& d, string_view v) {
       d.config.jobs = static_cast<unsigned>(ipc::parse_count(v, 1, kMostJobs));
       d.of_command = "-j";
     },
     bits(Verb::get)},
    {"", "stdin", nullptr, "give it the message on its stdin",
     [](Draft& d, string_view) {
       d.config.on_stdin = true;
       d.of_command = "--stdin";
     },
     bits(Verb::get)},
    {"", "retries", "N", "try N more times, then to the dead letters (3)",
     [](Draft& d, string_view v) {
       d.config.retries = static_cast<unsigned>(ipc::parse_count(v, 0, kMostRetries));
       d.of_command = "--retries";
     },
     bits(Verb::get)},
    {"", "backoff", "TIME", "wait TIME before the second try, then twice as long",
     [](Draft& d, string_view v) {
       d.config.backoff = ipc::parse_duration(v);
       d.of_command = "--backoff";
     },
     bits(Verb::get)},
    {"", "limit", "TIME", "end it after TIME: the try has failed",
     [](Draft& d, string_view v) {
       d.config.limit = parse_positive(v);
       d.of_command = "--limit";
     },
     bits(Verb::get)},
    {"", "kill-after", "TIME", "send KILL so long after TERM (2s)",
     [](Draft& d, string_view v) {
       d.config.kill_after = ipc::parse_duration(v);
       d.of_command = "--kill-after";
     },
     bits(Verb::get)},

    {"", "", nullptr, "A new queue", nullptr},
    {"", "max", "N", "hold at most N messages",
     [](Draft& d, string_view v) { d.config.shape.max_messages = ipc::parse_count(v, 1, kMostCount); },
     kMaking},
    {"", "max-bytes", "SIZE", "hold at most SIZE of payload",
     [](Draft& d, string_view v) { d.config.shape.max_bytes = parse_limit(v, kMostCount); }, kMaking},
    {"", "max-message", "SIZE", "let a message (get: an answer) have SIZE (64M)",
     [](Draft& d, string_view v) { d.config.shape.max_message = parse_limit(v, queue::kLargestMessage); },
     kMaking | bit(Verb::get)},
    {"", "mode", "MODE", "give its files the octal MODE (0600)",
     [](Draft& d, string_view v) { d.config.shape.mode = parse_mode(v); }, kMaking},
    {"", "lifo", nullptr, "the newest first, inside a priority",
     [](Draft& d, string_view) { d.config.shape.lifo = true; }, bits(Verb::create)},
    {"", "no-sync", nullptr, "leave the disk to the kernel",
     [](Draft& d, string_view) { d.config.shape.no_sync = true; }, bits(Verb::create)},
    {"", "kernel", nullptr, "make it a System V message queue",
     [](Draft& d, string_view) { d.config.shape.kernel = true; }, bits(Verb::create)},
    {"", "packed", nullptr, "the same, with many lines in one message",
     [](Draft& d, string_view) { d.config.shape.kernel = d.config.shape.packed = true; }, bits(Verb::create)},
    {"", "allow-network", nullptr, "also on a network file system",
     [](Draft& d, string_view) { d.config.allow_network = d.config.shape.allow_network = true; }, kOpening},

    {"", "", nullptr, "Of one verb", nullptr},
    {"", "now", nullptr, "drop what is queued or delayed", [](Draft& d, string_view) { d.config.now = true; },
     bits(Verb::close)},
    {"", "force", nullptr, "remove it even so", [](Draft& d, string_view) { d.config.force = true; },
     bits(Verb::rm)},
    {"", "json", nullptr, "print a JSON object", [](Draft& d, string_view) { d.config.json = true; },
     bits(Verb::stat)},
};

/// `parse` of a word; what it finds wrong is told with its name.
template <class Parse>
void read_operand(const char* name, const char* word, Parse&& parse) {
  try {
    parse(string_view(word));
  } catch (const BadValue& bad) {
    throw UsageError(std::string(name) + ' ' + word + ": " + bad.what());
  }
}

void take_second(const char* word, Config& c) {
  if (c.verb == Verb::result) {
    read_operand("ID", word, [&](string_view text) { c.id = ipc::parse_count(text, 1, kMostCount); });
    return;
  }
  const auto lease = queue::FileQueue::parse_lease(word);
  if (!lease) throw UsageError(std::string("LEASE ") + word + ": is none");
  c.lease = *lease;
}

/// What follows NAME.
void take_others(std::span<char*> operands, Config& c) {
  std::size_t most = 0;
  switch (c.verb) {
    case Verb::put: c.messages.assign(operands.begin(), operands.end()); return;
    case Verb::call:
      c.messages.assign(operands.begin(), operands.end());
      most = 1;
      break;
    case Verb::result:
    case Verb::done:
    case Verb::requeue:
      refuse_if(operands.empty(), c.verb == Verb::result ? "ID: is missing" : "LEASE: is missing");
      take_second(operands[0], c);
      most = 1;
      break;
    case Verb::get:
      if (!operands.empty()) throw UsageError(std::string(operands[0]) + ": a COMMAND stands behind --");
      return;
    default: break;
  }
  if (operands.size() > most) throw UsageError("'" + std::string(operands[most]) + "': one word too many");
}

void take_words(const ipc::Words& words, Config& c) {
  c.verb = static_cast<Verb>(words.verb);
  std::vector<char*> operands = words.operands;
  if (c.verb == Verb::get) {
    c.command.assign(words.rest.begin(), words.rest.end());
    refuse_if(words.dashes && c.command.empty(), "COMMAND: is missing");
    refuse_if(words.dashes && c.command[0].empty(), "COMMAND: is empty");
  } else {
    operands.insert(operands.end(), words.rest.begin(), words.rest.end());
  }
  std::span<char*> others(operands);
  if (c.verb != Verb::list) {
    refuse_if(operands.empty(), "NAME: is missing");
    c.name = operands[0];
    refuse_if(c.name.empty(), "NAME: is empty");
    others = others.subspan(1);
  }
  take_others(others, c);
}

void check_get(const Draft& d) {
  const Config& c = d.config;
  const bool commanded = !c.command.empty();
  refuse_if(c.all && c.follow, "--all: not with -f");
  refuse_if(c.all && c.count, "--all: not with -c");
  refuse_if(c.all && c.timeout && !c.no_wait(), "-t: not with --all");
  refuse_if(c.follow && c.no_wait(), "-n: not with -f");
  refuse_if(commanded && c.lease_time, "--lease: not with COMMAND");
  refuse_if(commanded && d.framed, "-0, -d, --len: not with COMMAND");
  if (!commanded && d.of_command != nullptr)
    throw UsageError(std::string(d.of_command) + ": needs a COMMAND");
  refuse_if(!commanded && c.shape.max_message, "--max-message: needs a COMMAND");
}

}  // namespace

Config configure(int argc, char** argv) {
  Draft draft;
  take_words(ipc::parse_verb(argc, argv, kText, kVerbs, kOptions, draft), draft.config);
  Config& c = draft.config;
  if (c.verb == Verb::get) {
    check_get(draft);
    c.max_message = std::exchange(c.shape.max_message, std::nullopt);
  }
  refuse_if(c.verb == Verb::put && draft.keep && !c.put.wants_answer, "--keep: needs --reply");
  refuse_if(c.verb == Verb::put && draft.framed && !c.messages.empty(),
            "-0, -d, --len, --whole: not with MESSAGE");
  return std::move(draft.config);
}
