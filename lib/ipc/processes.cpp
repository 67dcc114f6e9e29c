#include "ipc/processes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "ipc/cut.hpp"
#include "ipc/fd.hpp"
#include "ipc/hash.hpp"
#include "ipc/io.hpp"

namespace ipc {
namespace {

std::optional<std::string> read_of(pid_t pid, const char* what) {
  return read_small_file(("/proc/" + std::to_string(pid) + "/" + what).c_str());
}

template <class Number>
Number number_in(std::string_view word) {
  Number number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

}  // namespace

std::optional<ProcessFacts> facts_of(pid_t pid) {
  const auto stat = read_of(pid, "stat");
  if (!stat) return std::nullopt;
  // The name, in parentheses, may hold anything.
  const auto name_end = stat->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > stat->size()) return std::nullopt;
  std::string_view rest = std::string_view(*stat).substr(name_end + 2);
  ProcessFacts facts;
  const std::string_view state = cut(rest, ' ');
  facts.parent = number_in<pid_t>(cut(rest, ' '));
  const auto skip = [&](int fields) {
    for (int i = 0; i < fields; ++i) static_cast<void>(cut(rest, ' '));
  };
  skip(15);  // fields 5 to 19
  const auto threads = number_in<int>(cut(rest, ' '));
  skip(1);
  // Its first thread may have ended before the others.
  facts.ended = state == "X" || (state == "Z" && threads <= 1);
  facts.start = number_in<std::uint64_t>(cut(rest, ' '));
  return facts;
}

bool is_running(pid_t pid, std::uint64_t start) {
  const auto facts = facts_of(pid);
  return facts && !facts->ended && facts->start == start;
}

std::string short_name_of(pid_t pid) {
  auto name = read_of(pid, "comm").value_or("");
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

std::string command_line_of(pid_t pid) {
  auto line = read_of(pid, "cmdline").value_or("");
  while (line.ends_with('\0')) line.pop_back();
  std::ranges::replace(line, '\0', ' ');
  if (!line.empty()) return line;
  const std::string name = short_name_of(pid);
  return name.empty() ? name : "[" + name + "]";
}

std::optional<std::string> initial_variable_of(pid_t pid, const char* name) {
  const auto environment = read_of(pid, "environ");
  if (!environment) return std::nullopt;
  const std::string prefix = std::string(name) + "=";
  std::string_view rest = *environment;
  while (!rest.empty()) {
    const std::string_view entry = cut(rest, '\0');
    if (entry.starts_with(prefix)) return std::string(entry.substr(prefix.size()));
  }
  return std::nullopt;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for (const std::string& name : names_in("/proc").value_or(std::vector<std::string>())) {
    if (const auto pid = number_in<pid_t>(name); pid > 0) pids.push_back(pid);
  }
  return pids;
}

std::vector<pid_t> own_line() {
  std::vector<pid_t> line;
  for (pid_t pid = ::getpid(); pid > 0;) {
    line.push_back(pid);
    const auto facts = facts_of(pid);
    // A line that has been cut and joined anew while it was read could come back on itself.
    if (!facts || std::ranges::find(line, facts->parent) != line.end()) break;
    pid = facts->parent;
  }
  return line;
}

std::uint64_t this_boot() {
  const Fd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char id[64];
  // It comes in one piece; each command that opens a queue reads it.
  const ssize_t n = file ? read_some(file.get(), id) : 0;
  return n > 0 ? hash128({id, static_cast<std::size_t>(n)}).low : 0;
}

}  // namespace ipc
