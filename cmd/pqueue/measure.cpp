/// size, empty, full and verify: short answers.

#include "ipc/diagnostics.hpp"
#include "ipc/exit_status.hpp"
#include "subject.hpp"
#include "verbs.hpp"

int measure_queue(const Config& config) {
  const queue::Opened opened = config.verb == Verb::size
                                   ? open_standing(config)
                                   : open_durable(config, "has only a size (see also stat)");
  const queue::Queue::Size size = opened.queue().size();
  tell_damage(config, opened);
  if (config.verb == Verb::size) {
    print(std::to_string(size.messages) + '\n');
    return ipc::kExitSuccess;
  }
  const bool yes = config.verb == Verb::full ? size.full : size.messages == 0;
  return yes ? ipc::kExitSuccess : ipc::kExitNo;
}

int verify_queue(const Config& config) {
  const queue::Opened opened = open_durable(config, "is on no disk: there is nothing to verify");
  auto findings = opened.file->verify();
  // What opening it has met and passed over is not there any more to be found.
  const auto news = opened.file->news_of_damage();
  findings.insert(findings.begin(), news.begin(), news.end());
  std::string text;
  for (const std::string& finding : findings) text += ipc::printable(finding) + '\n';
  print(text);
  return findings.empty() ? ipc::kExitSuccess : ipc::kExitNo;
}
