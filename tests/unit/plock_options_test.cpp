/// config.hpp: what the two personalities make of command lines.

#include <string>
#include <vector>

#include "config.hpp"
#include "ipc/error.hpp"
#include "ipc/options.hpp"
#include "tap.hpp"

namespace {

using ipc::UsageError;
using Mode = ipc::FileLock::Mode;
using Words = std::vector<std::string>;

/// A command line, whose words the configuration borrows.
struct Line {
  Words words;
  std::vector<char*> argv;
  Config config;

  Line(Words given, Personality personality) : words(std::move(given)) {
    words.insert(words.begin(), personality == Personality::flock ? "flock" : "plock");
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int count = static_cast<int>(words.size());
    config = personality == Personality::flock ? configure_as_flock(count, argv.data())
                                               : configure(count, argv.data());
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  [[nodiscard]] Words command() const { return {config.command.begin(), config.command.end()}; }
  Config* operator->() { return &config; }
};

struct Plock : Line {
  explicit Plock(Words given) : Line(std::move(given), Personality::plock) {}
};
struct Flock : Line {
  explicit Flock(Words given) : Line(std::move(given), Personality::flock) {}
};

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += word + ' ';
  return text;
}

template <class Kind>
std::string refusal_of(const Words& words, tap::Here at) {
  return check_throws<UsageError>([&] { const Kind line(words); }, joined(words), at);
}

std::string refusal(const Words& words, tap::Here at = tap::Here::current()) {
  return refusal_of<Plock>(words, at);
}

std::string flock_refusal(const Words& words, tap::Here at = tap::Here::current()) {
  return refusal_of<Flock>(words, at);
}

void check_action(const Words& words, Action action, tap::Here at = tap::Here::current()) {
  try {
    Plock line(words);
    check_equal(line->action, action, joined(words), at);
  } catch (const UsageError& error) {
    check(false, joined(words) + error.what(), at);
  }
}

}  // namespace

TEST("LOCK and COMMAND: an exclusive lock, waited for as long as it takes, held by the tree") {
  Plock line({"db", "cmd", "-x", "--", "a b"});
  check_equal(line->action, Action::run);
  check_equal(line->lock, "db");
  check(line.command() == Words{"cmd", "-x", "--", "a b"});
  check_equal(line->mode, Mode::exclusive);
  check(!line->wait && !line->conflict_status && !line->script && !line->timeout);
  check(!line->stay && !line->recursive && !line->verbose && !line->unlock);
  check_equal(line->tool(), "plock");
}

TEST("what each call asks for") {
  check_action({"db", "cmd"}, Action::run);
  check_action({"9", "cmd"}, Action::run);
  check_action({"9", "-c", "cmd"}, Action::run);
  check_action({"-c", "cmd", "9"}, Action::run);
  check_action({"9"}, Action::descriptor);
  check_action({"-u", "0"}, Action::descriptor);
  check_action({"-s", "-n", "200"}, Action::descriptor);
  check_action({"-j", "3", "S", "cmd"}, Action::permit);
  check_action({"-j", "3", "9", "cmd"}, Action::permit);
  check_action({"--bounded", "3", "S", "cmd"}, Action::permit);
  check_action({"-j", "3", "--resize", "S", "cmd"}, Action::permit);
  check_action({"-j", "3", "--resize", "S"}, Action::resize);
  check_action({"--take", "S"}, Action::take);
  check_action({"--take", "9"}, Action::take);
  check_action({"--post", "-j", "0", "S"}, Action::post);
  check_action({"--value", "S"}, Action::value);
  check_action({"--remove", "S"}, Action::remove);
  check_action({"--remove", "--force", "S"}, Action::remove);
  check_action({"-l"}, Action::list);
  check_action({"-l", "--json", "db"}, Action::list);
  check_action({"-l", "9"}, Action::list);
}

TEST("the command may stand behind -- or behind -c, before LOCK or after it") {
  check(Plock({"db", "--", "cmd", "-c"}).command() == Words{"cmd", "-c"});
  check(Plock({"-n", "--", "db", "cmd"}).command() == Words{"cmd"});
  check(Plock({"db", "--", "--"}).command() == Words{"--"});
  for (const Words& words : {Words{"db", "-c", "echo $X"}, Words{"db", "--command", "echo $X"},
                             Words{"-c", "echo $X", "db"}, Words{"--command=echo $X", "db"}}) {
    Plock line(words);
    check(line->script == "echo $X", joined(words));
    check(line.command().empty(), joined(words));
  }
  check(Plock({"db", "-c", ""})->script == "", "an empty one does nothing");
}

TEST("the options of the lock") {
  check_equal(Plock({"-s", "db", "cmd"})->mode, Mode::shared);
  check_equal(Plock({"-s", "-x", "db", "cmd"})->mode, Mode::exclusive);
  check_equal(Plock({"-e", "-s", "db", "cmd"})->mode, Mode::shared);
  check(Plock({"-n", "db", "cmd"})->wait == ipc::Duration::zero());
  check(Plock({"-w", "0", "db", "cmd"})->wait == ipc::Duration::zero());
  check(Plock({"-w", "250ms", "db", "cmd"})->wait == std::chrono::milliseconds(250));
  check(Plock({"-n", "-w", "1m", "db", "cmd"})->wait == std::chrono::minutes(1), "the last one counts");
  check(Plock({"-E", "0", "db", "cmd"})->conflict_status == 0);
  check(Plock({"-E", "255", "db", "cmd"})->conflict_status == 255);
  check(Plock({"-v", "-r", "db", "cmd"})->recursive);
  check_equal(Plock({"007"})->descriptor, 7);
  check_equal(Plock({"2147483647"})->descriptor, 2147483647);
}

TEST("how long it is held") {
  check(!Plock({"--hold", "tree", "db", "cmd"})->stay);
  for (const Words& words :
       {Words{"--hold", "command"}, Words{"-o"}, Words{"-t", "5"}, Words{"--hold", "tree", "-o"}}) {
    Words all = words;
    all.insert(all.end(), {"db", "cmd"});
    check(Plock(all)->stay, joined(all));
  }
  check(Plock({"-t", "1.5", "db", "cmd"})->timeout == std::chrono::milliseconds(1500));
  check(!Plock({"-o", "--hold", "tree", "db", "cmd"})->stay, "the last one counts");
}

TEST("the numbers of a semaphore") {
  check(Plock({"-j", "32767", "S", "cmd"})->permits == 32767);
  check(Plock({"--bounded", "5", "--post", "S"})->ceiling == 5);
  Plock both({"-j", "2", "--bounded", "2", "S", "cmd"});
  check(both->permits == 2 && both->ceiling == 2);
  for (const char* bad : {"32768", "-1", "x", "", "1.5", "99999999999"}) {
    (void)refusal({"-j", bad, "S", "cmd"});
    (void)refusal({"--bounded", bad, "--post", "S"});
  }
  check_equal(refusal({"-j", "0", "S", "cmd"}), "-j 0: must be from 1 to 32767");
  (void)refusal({"-j", "0", "--resize", "S"});
  (void)refusal({"--bounded", "0", "--post", "S"});
  check_equal(refusal({"-j", "3", "--bounded", "2", "S", "cmd"}), "-j: more than --bounded");
}

TEST("what is missing is told") {
  check_equal(refusal({}), "LOCK: is missing");
  check_equal(refusal({"-n"}), "LOCK: is missing");
  check_equal(refusal({"--value"}), "LOCK: is missing");
  check_equal(refusal({"db"}), "db: needs a COMMAND");
  check_equal(refusal({"9x"}), "9x: needs a COMMAND");
  check_equal(refusal({"./9"}), "./9: needs a COMMAND");
  check_equal(refusal({"-j", "3", "S"}), "S: needs a COMMAND");
  check_equal(refusal({"-j", "3", "9"}), "9: needs a COMMAND");
  check_equal(refusal({"db", "--"}), "COMMAND: is missing");
  check_equal(refusal({"9", "--"}), "COMMAND: is missing");
}

TEST("empty operands are refused") {
  for (const Words& words : {Words{"", "cmd"}, Words{"-l", ""}, Words{"--take", ""}, Words{"-u", ""}})
    check_equal(refusal(words), "LOCK: is empty", joined(words));
  check_equal(refusal({"db", ""}), "COMMAND: is empty");
  check_equal(refusal({"db", "--", ""}), "COMMAND: is empty");
}

TEST("what cannot stand together is refused") {
  for (const Words& words : std::vector<Words>{
           {"-u", "db", "cmd"},
           {"-u", "./db"},
           {"-u", "9", "cmd"},
           {"-u", "-j", "2", "S", "cmd"},
           {"-u", "--take", "S"},
           {"--hold", "tree", "-j", "2", "S", "cmd"},
           {"--hold", "tree", "-t", "5", "db", "cmd"},
           {"-r", "-j", "2", "S", "cmd"},
           {"-r", "9"},
           {"-r", "--take", "S"},
           {"-t", "5", "9"},
           {"-o", "9"},
           {"--hold", "command", "9"},
           {"--hold", "tree", "9"},
           {"-o", "--take", "S"},
           {"--take", "S", "cmd"},
           {"--post", "S", "-c", "cmd"},
           {"--value", "S", "cmd"},
           {"--remove", "S", "cmd"},
           {"-l", "db", "cmd"},
           {"-c", "cmd", "-l"},
           {"--take", "--post", "S"},
           {"--value", "--remove", "S"},
           {"-l", "--take", "S"},
           {"--json", "db", "cmd"},
           {"--json", "--value", "S"},
           {"--force", "db", "cmd"},
           {"--force", "--take", "S"},
           {"--resize", "db", "cmd"},
           {"--resize", "--bounded", "3", "S"},
           {"--resize", "-j", "2", "--bounded", "3", "S"},
           {"--resize", "-j", "2", "--take", "S"},
           {"--resize", "-j", "2", "--post", "S"},
           {"-s", "-j", "2", "S", "cmd"},
           {"-s", "--take", "S"},
           {"-j", "2", "--value", "S"},
           {"-j", "2", "--remove", "S"},
           {"-j", "2", "-l", "S"},
           {"--bounded", "2", "--value", "S"},
           {"-c", "one", "db", "two"},
           {"-c", "one", "db", "-c", "two"},
           {"db", "-c", "one", "two"},
           {"db", "-c"},
           {"99999999999"},
           {"-E", "256", "db", "cmd"},
           {"-E", "-1", "db", "cmd"},
           {"-w", "-1", "db", "cmd"},
           {"-w", "x", "db", "cmd"},
           {"-t", "x", "db", "cmd"},
           {"--hold", "both", "db", "cmd"},
           {"--hold", "", "db", "cmd"},
       }) {
    const std::string text = refusal(words);
    check(!text.empty() && text.find('\n') == std::string::npos && text.find(": ") != std::string::npos,
          text);
  }
}

TEST("the reason names what the user wrote") {
  check_equal(refusal({"-u", "db", "cmd"}), "-u: needs an FD");
  check_equal(refusal({"-u", "./db"}), "-u: needs an FD");
  check_equal(refusal({"--hold", "both", "db", "cmd"}), "--hold both: neither tree nor command");
  check_equal(refusal({"--json", "db", "cmd"}), "--json: needs -l");
  check_equal(refusal({"--force", "--take", "S"}), "--force: needs --remove");
  check(refusal({"99999999999"}).starts_with("99999999999: "));
}

TEST("flock: FILE and COMMAND, and none of plock's ideas") {
  Flock line({"-x", "-E", "7", "db", "cmd", "-n"});
  check_equal(line->action, Action::run);
  check_equal(line->lock, "db");
  check(line.command() == Words{"cmd", "-n"});
  check(line->conflict_status == 7 && !line->stay && !line->close && !line->recursive);
  check_equal(line->tool(), "flock");
  check(Flock({"db", "--", "cmd"}).command() == Words{"cmd"});
  check(Flock({"db", "-c", "a b"})->script == "a b");
  check(Flock({"db", "--command", "a b"})->script == "a b");
  check_equal(Flock({"9", "cmd"})->action, Action::run);
  check_equal(Flock({"9", "cmd"})->lock, "9");
}

TEST("flock: its options, under all their names") {
  for (const char* name : {"-n", "--nb", "--nonblock", "--nonblocking"})
    check(Flock({name, "db", "cmd"})->wait == ipc::Duration::zero(), name);
  for (const char* name : {"-w", "--wait", "--timeout"})
    check(Flock({name, "1.5", "db", "cmd"})->wait == std::chrono::milliseconds(1500), name);
  check_equal(Flock({"-s", "db", "cmd"})->mode, Mode::shared);
  check_equal(Flock({"-s", "-e", "db", "cmd"})->mode, Mode::exclusive);
  Flock closing({"-o", "db", "cmd"});
  check(closing->close && closing->stay);
  Flock alone({"-F", "db", "cmd"});
  check(alone->no_fork && !alone->stay);
  check(Flock({"--verbose", "db", "cmd"})->verbose);
  check(Flock({"--conflict-exit-code", "5", "db", "cmd"})->conflict_status == 5);
}

TEST("flock: one number is a descriptor, with -u or without; the last of -s, -x, -u counts") {
  Flock line({"-u", "9"});
  check_equal(line->action, Action::descriptor);
  check_equal(line->descriptor, 9);
  check(line->unlock);
  check(!Flock({"-u", "-x", "9"})->unlock);
  check(!Flock({"-u", "-s", "9"})->unlock);
  check(Flock({"-s", "-u", "9"})->unlock);
  check(Flock({"-u", "db", "cmd"})->unlock, "pointless, and allowed");
}

TEST("flock: what it refuses") {
  check_equal(flock_refusal({}), "FILE: is missing");
  check_equal(flock_refusal({"-n"}), "FILE: is missing");
  (void)flock_refusal({"db"});
  (void)flock_refusal({"9x"});
  (void)flock_refusal({"-1"});
  (void)flock_refusal({"-F", "-o", "db", "cmd"});
  (void)flock_refusal({"db", "-c"});
  (void)flock_refusal({"db", "-c", "one", "two"});
  (void)flock_refusal({"-c", "cmd", "db"});
  for (const char* time : {"-1", "x", "5s", "100ms", "", "1e3", "1m"})
    (void)flock_refusal({"-w", time, "db", "cmd"});
  for (const char* code : {"256", "600", "-1", "x", ""}) (void)flock_refusal({"-E", code, "db", "cmd"});
  for (const char* option : {"-r", "-t", "-j", "-l", "--hold", "--take", "-v"})
    (void)flock_refusal({option, "db", "cmd"});
}

TEST("both have --help and --version, flock by letters as well") {
  const auto answer_of = [](auto make) {
    try {
      make();
    } catch (const ipc::Answer& answer) {
      return answer.text;
    }
    return std::string("no answer");
  };
  check(answer_of([] { const Plock line({"--version"}); }).starts_with("plock (ipcutils) "));
  check(answer_of([] { const Flock line({"-V"}); }).starts_with("flock (ipcutils) "));
  check(answer_of([] { const Plock line({"--help"}); }).starts_with("Usage: plock "));
  check(answer_of([] { const Flock line({"-h"}); }).starts_with("Usage: flock "));
  (void)refusal({"-h"});
}

TEST("all digits, and numbers of descriptors") {
  for (const char* good : {"0", "9", "007", "99999999999999999999"}) check(is_all_digits(good), good);
  for (const char* bad : {"", "-1", "+1", "1a", "a1", " 1", "1 ", "1.0", "\xD9\xA3"})
    check(!is_all_digits(bad), bad);
  check_equal(descriptor_number("0"), 0);
  check_equal(descriptor_number("2147483647"), 2147483647);
  for (const char* bad : {"2147483648", "-1", "", "x", "99999999999999999999"})
    check_throws<ipc::BadValue>([&] { (void)descriptor_number(bad); }, bad);
}
