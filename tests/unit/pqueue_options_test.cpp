/// config.hpp: what becomes of command lines.

#include <algorithm>
#include <string>
#include <vector>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/options.hpp"
#include "tap.hpp"

namespace {

using ipc::UsageError;
using Words = std::vector<std::string>;
using Kind = Framing::Kind;

/// A command line, whose words the configuration borrows.
struct Line {
  Words words;
  std::vector<char*> argv;
  Config config;

  explicit Line(Words given) : words(std::move(given)) {
    words.insert(words.begin(), "pqueue");
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    config = configure(static_cast<int>(words.size()), argv.data());
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  [[nodiscard]] Words messages() const { return {config.messages.begin(), config.messages.end()}; }
  Config* operator->() { return &config; }
};

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += word + ' ';
  return text;
}

std::string refusal(const Words& words, tap::Here at = tap::Here::current()) {
  return check_throws<UsageError>([&] { const Line line(words); }, joined(words), at);
}

/// Behind a verb, whatever operands it needs.
Words with_operands(const std::string& verb) {
  if (verb == "list") return {verb};
  if (verb == "result") return {verb, "q", "1"};
  if (verb == "done" || verb == "requeue") return {verb, "q", queue::FileQueue::lease_text({1, 2})};
  return {verb, "q"};
}

const Words kAllVerbs = {"put",   "get",  "call", "result", "done",  "requeue", "join", "close", "size",
                         "empty", "full", "stat", "peek",   "purge", "verify",  "rm",   "list",  "create"};

}  // namespace

TEST("every verb by its name, in the order of the enumeration") {
  for (std::size_t i = 0; i < kAllVerbs.size(); ++i) {
    Line line(with_operands(kAllVerbs[i]));
    check_equal(static_cast<std::size_t>(line->verb), i, kAllVerbs[i]);
    check_equal(line->name, kAllVerbs[i] == "list" ? "" : "q");
  }
}

TEST("put: messages are what follows NAME, before and behind --") {
  check(Line({"put", "q"}).messages().empty());
  check((Line({"put", "q", "a", "", "b c"}).messages() == Words{"a", "", "b c"}));
  check(
      (Line({"put", "q", "a", "-p", "3", "b", "--", "-p", "--"}).messages() == Words{"a", "b", "-p", "--"}));
  check((Line({"put", "--", "q", "-n"}).messages() == Words{"-n"}), "NAME too can stand behind it");
  check((Line({"put", "q", "-1", "-250"}).messages() == Words{"-1", "-250"}));
}

TEST("get: what follows -- is COMMAND, with options of its own") {
  Line line({"get", "-f", "q", "-j", "4", "--", "cmd", "-j", "--help", "{}"});
  check_equal(line->name, "q");
  check(line->follow && line->jobs == 4);
  check((line->command == Words{"cmd", "-j", "--help", "{}"}));
  check(Line({"get", "q"})->command.empty());
  check_equal(refusal({"get", "q", "cmd"}), "cmd: a COMMAND stands behind --");
  check_equal(refusal({"get", "q", "--"}), "COMMAND: is missing");
  check_equal(refusal({"get", "q", "--", ""}), "COMMAND: is empty");
  check_equal(refusal({"get", "--", "q"}), "NAME: is missing");
}

TEST("operands that are missing, empty or too many") {
  for (const std::string& verb : kAllVerbs) {
    if (verb == "list") continue;
    check_equal(refusal({verb}), "NAME: is missing", verb);
    Words words = with_operands(verb);
    words[1].clear();
    check_equal(refusal(words), "NAME: is empty", verb);
  }
  check_equal(refusal({"result", "q"}), "ID: is missing");
  check_equal(refusal({"done", "q"}), "LEASE: is missing");
  check_equal(refusal({"size", "q", "r"}), "'r': one word too many");
  check_equal(refusal({"size", "q", ""}), "'': one word too many");
  check_equal(refusal({"call", "q", "a", "b"}), "'b': one word too many");
  check_equal(refusal({"result", "q", "1", "2"}), "'2': one word too many");
  check_equal(refusal({"list", "q"}), "'q': one word too many");
  check_equal(refusal({"size", "q", "--", "r"}), "'r': one word too many");
}

TEST("ids and leases are read at the door") {
  check(Line({"result", "q", "17"})->id == 17);
  for (const char* bad : {"0", "-1", "x", "", "1.5", "99999999999999999999"})
    check(refusal({"result", "q", bad}).starts_with("ID "), bad);
  const std::string text = queue::FileQueue::lease_text({3, 17});
  Line line({"done", "q", text});
  check(line->lease.run == 3 && line->lease.serial == 17);
  check_equal(refusal({"requeue", "q", "nonsense"}), "LEASE nonsense: is none");
  check(refusal({"done", "q", ""}).starts_with("LEASE "));
}

TEST("waiting: none, a time, and 0 is not at all") {
  check(!Line({"get", "q"})->timeout && !Line({"get", "q"})->no_wait());
  check(Line({"get", "-n", "q"})->no_wait());
  check(Line({"get", "--no-wait", "q"})->no_wait());
  check(Line({"get", "-t", "0", "q"})->no_wait());
  check(Line({"join", "--timeout", "250ms", "q"})->timeout == std::chrono::milliseconds(250));
  check(!Line({"put", "-n", "-t", "5", "q"})->no_wait(), "the last one counts");
}

TEST("framing") {
  check(Line({"put", "q"})->framing.kind == Kind::delimited && Line({"put", "q"})->framing.delimiter == '\n');
  for (const char* verb : {"put", "get", "peek"}) {
    check(Line({verb, "-0", "q"})->framing.delimiter == '\0', verb);
    check(Line({verb, "-d", ",", "q"})->framing.delimiter == ',', verb);
    check(Line({verb, "-d", "\\x01", "q"})->framing.delimiter == '\1', verb);
    check(Line({verb, "--len", "q"})->framing.kind == Kind::length, verb);
    check_equal(refusal({verb, "-0", "--len", "q"}), "--len: only one of -0, -d, --len and --whole");
    check_equal(refusal({verb, "-d", "ab", "q"}), "-d ab: not one byte");
    check(refusal({verb, "-d", "", "q"}).starts_with("-d ''"));
  }
  check(Line({"put", "--whole", "q"})->framing.kind == Kind::whole);
  check_equal(refusal({"get", "--whole", "q"}), "--whole: not an option of get");
  check_equal(refusal({"put", "-0", "q", "a"}), "-0, -d, --len, --whole: not with MESSAGE");
  check_equal(refusal({"get", "-0", "q", "--", "cmd"}), "-0, -d, --len: not with COMMAND");
}

TEST("options of put") {
  Line line({"put", "-p", "9", "--delay", "1.5", "-i", "q"});
  check(line->put.priority == 9 && line->put.delay == std::chrono::milliseconds(1500) && line->print_ids);
  check(!line->put.wants_answer);
  Line reply({"put", "--reply", "--keep", "5m", "q"});
  check(reply->put.wants_answer && reply->print_ids && reply->put.keep == std::chrono::minutes(5));
  check(Line({"put", "--reply", "q"})->put.keep == std::chrono::hours(1));
  check_equal(refusal({"put", "--keep", "5m", "q"}), "--keep: needs --reply");
  for (const char* bad : {"-1", "10", "x", ""}) (void)refusal({"put", "-p", bad, "q"});
  check(Line({"call", "-p", "3", "--keep", "1s", "q"})->put.keep == std::chrono::seconds(1));
}

TEST("options of get") {
  check(Line({"get", "-c", "5", "q"})->count == 5);
  check(!Line({"get", "q"})->count);
  check(Line({"get", "--all", "q"})->all);
  check(Line({"get", "--lease", "1h", "q"})->lease_time == std::chrono::hours(1));
  check(Line({"peek", "-c", "3", "-v", "q"})->verbose);
  for (const char* bad : {"0", "-1", "x", ""}) (void)refusal({"get", "-c", bad, "q"});
  check_equal(refusal({"get", "--lease", "0", "q"}), "--lease 0: must be more than 0");
}

TEST("options of COMMAND, and what they are without one") {
  Line line({"get", "-f", "-j", "8", "--stdin", "--retries", "0", "--backoff", "1", "--limit", "10",
             "--kill-after", "0", "--max-message", "1K", "q", "--", "cmd"});
  check(line->jobs == 8 && line->on_stdin && line->retries == 0);
  check(line->backoff == std::chrono::seconds(1) && line->limit == std::chrono::seconds(10));
  check(line->kill_after == ipc::Duration::zero());
  check(line->max_message == 1024);
  check(!line->shape.max_message, "a queue that get makes is a usual one");
  Line plain({"get", "q", "--", "cmd"});
  check(plain->jobs == 1 && !plain->on_stdin && plain->retries == 3 &&
        plain->backoff == ipc::Duration::zero());
  check(!plain->limit && plain->kill_after == std::chrono::seconds(2));
  for (const Words& words : std::vector<Words>{{"-j", "2"},
                                               {"--stdin"},
                                               {"--retries", "2"},
                                               {"--backoff", "1"},
                                               {"--limit", "1"},
                                               {"--kill-after", "1"},
                                               {"--max-message", "1K"}}) {
    Words all = {"get"};
    all.insert(all.end(), words.begin(), words.end());
    all.emplace_back("q");
    check_equal(refusal(all), words[0] + ": needs a COMMAND");
  }
  for (const char* bad : {"0", "65537", "x"}) (void)refusal({"get", "-j", bad, "q", "--", "cmd"});
  check_equal(refusal({"get", "--limit", "0", "q", "--", "cmd"}), "--limit 0: must be more than 0");
}

TEST("the shape of a new queue") {
  Line line({"create", "--max", "10", "--max-bytes", "1M", "--max-message", "1G", "--mode", "0640", "--lifo",
             "--no-sync", "--allow-network", "q"});
  check(line->shape.max_messages == 10 && line->shape.max_bytes == 1048576);
  check(line->shape.max_message == queue::kLargestMessage && line->shape.mode == mode_t{0640});
  check(line->shape.lifo && line->shape.no_sync && line->allow_network && line->shape.allow_network);
  check(!line->shape.kernel && !line->shape.packed);
  Line kernel({"create", "--kernel", "q"});
  check(kernel->shape.kernel && !kernel->shape.packed);
  Line packed({"create", "--packed", "q"});
  check(packed->shape.kernel && packed->shape.packed);
  Line nothing({"create", "q"});
  check(!nothing->shape.max_messages && !nothing->shape.max_bytes && !nothing->shape.max_message);
  check(!nothing->shape.mode);
  check(Line({"put", "--max", "1", "q"})->shape.max_messages == 1);
  for (const Words& bad : std::vector<Words>{{"--max", "0"},
                                             {"--max-bytes", "0"},
                                             {"--max-message", "0"},
                                             {"--max-message", "1073741825"},
                                             {"--mode", ""},
                                             {"--mode", "8"},
                                             {"--mode", "1777"},
                                             {"--mode", "rw"}})
    check(refusal({"create", bad[0], bad[1], "q"}).starts_with(bad[0] + ' '), joined(bad));
}

TEST("what cannot stand together is refused") {
  check_equal(refusal({"get", "--all", "-f", "q"}), "--all: not with -f");
  check_equal(refusal({"get", "--all", "-c", "2", "q"}), "--all: not with -c");
  check_equal(refusal({"get", "--all", "-t", "2", "q"}), "-t: not with --all");
  check_equal(refusal({"get", "-f", "-n", "q"}), "-n: not with -f");
  check_equal(refusal({"get", "--lease", "1", "q", "--", "cmd"}), "--lease: not with COMMAND");
  check(Line({"get", "--all", "-n", "q"})->all, "which says the same twice");
  check(Line({"get", "-f", "-c", "2", "q"})->follow);
}

TEST("each option belongs to its verbs") {
  const struct {
    Words option;
    Words verbs;
  } rows[] = {
      {{"-n"}, {"put", "get", "call", "result", "join"}},
      {{"-t", "1"}, {"put", "get", "call", "result", "join"}},
      {{"-p", "1"}, {"put", "call"}},
      {{"--delay", "1"}, {"put"}},
      {{"-f"}, {"get"}},
      {{"-c", "1"}, {"get", "peek"}},
      {{"-v"}, {"peek"}},
      {{"--max", "1"}, {"put", "create"}},
      {{"--mode", "600"}, {"put", "create"}},
      {{"--lifo"}, {"create"}},
      {{"--kernel"}, {"create"}},
      {{"--now"}, {"close"}},
      {{"--force"}, {"rm"}},
      {{"--json"}, {"stat"}},
  };
  for (const auto& row : rows) {
    for (const std::string& verb : kAllVerbs) {
      Words words = with_operands(verb);
      words.insert(words.end(), row.option.begin(), row.option.end());
      if (std::find(row.verbs.begin(), row.verbs.end(), verb) != row.verbs.end()) {
        const Line line(words);
        check_equal(line.config.verb == Verb::list, verb == "list");
      } else {
        check_equal(refusal(words), row.option[0] + ": not an option of " + verb);
      }
    }
  }
}

TEST("--help of the tool and of a verb") {
  const auto answer_of = [](const Words& words) {
    try {
      const Line line(words);
    } catch (const ipc::Answer& answer) {
      return answer.text;
    }
    return std::string("no answer");
  };
  check(answer_of({"--version"}).starts_with("pqueue (ipcutils) "));
  const std::string all = answer_of({"--help"});
  check(all.starts_with("Usage: pqueue VERB"));
  for (const std::string& verb : kAllVerbs) {
    check(all.find("\n  " + verb + ' ') != std::string::npos, verb);
    check(answer_of({verb, "--help"}).starts_with("Usage: pqueue " + verb + ' '), verb);
  }
  check(answer_of({"get", "q", "--", "--help"}) == "no answer", "COMMAND is not pqueue");
}
