/// stat: what there is to know about a queue, for people and for programs.

#include <utility>
#include <vector>

#include "age.hpp"
#include "ipc/diagnostics.hpp"
#include "ipc/exit_status.hpp"
#include "ipc/json.hpp"
#include "ipc/processes.hpp"
#include "ipc/utc_text.hpp"
#include "subject.hpp"
#include "verbs.hpp"

namespace {

using Holder = queue::FileQueue::Holder;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kNameWidth = 13;

/// A line of text, or a member of a JSON object. A value is text for people, or what JSON has in its place.
struct Fact {
  const char* name;
  std::string text;
  bool is_string = false;
};

/// Nothing where that is not known.
std::string time_text(std::int64_t at) { return at == 0 ? std::string() : ipc::utc_text(at / kSecond); }

std::string yes_or_no(bool yes) { return yes ? "true" : "false"; }

std::string limit_text(std::uint64_t limit) { return limit == 0 ? std::string() : std::to_string(limit); }

std::vector<Fact> facts_of(const queue::FileQueue::Stat& stat, std::uint64_t max_message) {
  return {
      {"kind", "file", true},
      {"queued", std::to_string(stat.queued)},
      {"delayed", std::to_string(stat.delayed)},
      {"leased", std::to_string(stat.leased)},
      {"dead", std::to_string(stat.dead)},
      {"bytes", std::to_string(stat.bytes)},
      {"puts", std::to_string(stat.puts)},
      {"gets", std::to_string(stat.gets)},
      {"oldest", stat.oldest ? age_text(*stat.oldest) : std::string()},
      {"closed", yes_or_no(stat.closed)},
      {"lifo", yes_or_no(stat.lifo)},
      {"sync", yes_or_no(stat.sync)},
      {"max", limit_text(stat.max_messages)},
      {"max_bytes", limit_text(stat.max_bytes)},
      {"max_message", std::to_string(max_message)},
  };
}

std::vector<Fact> facts_of(const queue::KernelQueue::Stat& stat, std::uint64_t max_message) {
  return {
      {"kind", "kernel", true},
      {"queued", std::to_string(stat.queued)},
      {"bytes", std::to_string(stat.bytes)},
      {"packed", yes_or_no(stat.packed)},
      {"last_put", time_text(stat.last_put * kSecond), true},
      {"last_get", time_text(stat.last_get * kSecond), true},
      {"max_bytes", std::to_string(stat.max_bytes)},
      {"max_message", std::to_string(max_message)},
  };
}

/// What a process is; nothing where that cannot be known.
std::string command_of(const Holder& holder) {
  return holder.pid == 0 || holder.is_elsewhere ? std::string() : ipc::command_line_of(holder.pid);
}

std::vector<Fact> facts_of(const Holder& holder) {
  return {
      {"pid", holder.pid == 0 ? std::string() : std::to_string(holder.pid)},
      {"command", command_of(holder), true},
      {"id", std::to_string(holder.id)},
      {"count", std::to_string(holder.count)},
      {"attempt", std::to_string(holder.attempt)},
      {"since", time_text(holder.since), true},
      {"until", time_text(holder.until), true},
  };
}

std::string json_object(const std::vector<Fact>& facts) {
  std::string text;
  for (const Fact& fact : facts) {
    text += text.empty() ? "{" : ", ";
    text += ipc::json_string(fact.name) + ": ";
    if (fact.text.empty()) {
      text += "null";
    } else {
      text += fact.is_string ? ipc::json_string(fact.text) : fact.text;
    }
  }
  return text + '}';
}

std::string json_text(const std::string& name, std::vector<Fact> facts, const std::vector<Holder>& holders) {
  facts.insert(facts.begin(), {"name", name, true});
  std::string text = json_object(facts);
  text.pop_back();
  text += ", \"holders\": [";
  for (std::size_t i = 0; i < holders.size(); ++i)
    text += (i == 0 ? "" : ", ") + json_object(facts_of(holders[i]));
  return text + "]}\n";
}

std::string table_line(const char* name, const std::string& value) {
  std::string line = name;
  line.resize(kNameWidth, ' ');
  return line + ipc::printable(value) + '\n';
}

/// "4711, attempt 1 of message 12, since 2026-11-21T21:40:07Z: COMMAND"
std::string holder_text(const Holder& holder) {
  std::string text = holder.pid == 0 ? "lease" : std::to_string(holder.pid);
  text += ", attempt " + std::to_string(holder.attempt) + " of message " + std::to_string(holder.id);
  if (holder.count > 1) text += " and " + std::to_string(holder.count - 1) + " more";
  if (holder.since != 0) text += ", since " + time_text(holder.since);
  if (holder.pid == 0) return text + ", until " + time_text(holder.until);
  if (holder.is_elsewhere) return text + ", in another pid namespace";
  const std::string command = command_of(holder);
  return command.empty() ? text : text + ": " + command;
}

std::string table_text(const std::vector<Fact>& facts, const std::vector<Holder>& holders) {
  std::string text;
  for (const Fact& fact : facts) text += table_line(fact.name, fact.text.empty() ? "-" : fact.text);
  for (const Holder& holder : holders) text += table_line("holder", holder_text(holder));
  return text;
}

}  // namespace

int show_stat(const Config& config) {
  const queue::Opened opened = open_standing(config);
  const std::uint64_t max_message = opened.queue().max_message();
  std::vector<Fact> facts;
  std::vector<Holder> holders;
  if (opened.file) {
    auto stat = opened.file->stat();
    facts = facts_of(stat, max_message);
    holders = std::move(stat.holders);
  } else {
    facts = facts_of(opened.kernel->stat(), max_message);
  }
  tell_damage(config, opened);
  print(config.json ? json_text(config.name, std::move(facts), holders) : table_text(facts, holders));
  return ipc::kExitSuccess;
}
