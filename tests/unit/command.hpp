#pragma once
/// Programs that a test spawns, and what becomes of them.

#include <poll.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "descriptors.hpp"
#include "ipc/pipe.hpp"
#include "ipc/process.hpp"
#include "tap.hpp"

/// A plan whose words live as long as it does.
struct Command {
  explicit Command(std::vector<std::string> all) : words(std::move(all)) {
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    plan.path = words.front().c_str();
    plan.argv = argv.data();
    plan.envp = environ;
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  std::vector<std::string> words;
  std::vector<char*> argv;
  ipc::SpawnPlan plan;
};

inline ipc::Ending end_of(ipc::Process& process) {
  pollfd ended{process.pidfd(), POLLIN, 0};
  while (::poll(&ended, 1, -1) < 0) {
  }
  const auto report = process.reap();
  require(report.has_value(), "it has ended");
  return report->ending;
}

/// What a command prints on its stdout, with whatever `change` does to its plan.
template <class Change>
std::string output_of(std::vector<std::string> words, Change change) {
  Command command(std::move(words));
  ipc::Pipe out = ipc::Pipe::create();
  command.plan.standard[1] = out.write_end.get();
  change(command.plan);
  ipc::Spawned spawned = ipc::spawn(command.plan);
  require(spawned.failed == ipc::Spawned::Step::none, "it starts");
  out.write_end.reset();
  std::string text = read_all(out.read_end.get());
  check_equal(end_of(spawned.process).status(), 0);
  return text;
}

/// The same for a script of sh.
template <class Change>
std::string output_of(const std::string& script, Change change) {
  return output_of(std::vector<std::string>{"/bin/sh", "-c", script, "sh"}, change);
}
