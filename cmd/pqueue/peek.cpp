#include "age.hpp"
#include "framer.hpp"
#include "ipc/cut.hpp"
#include "ipc/exit_status.hpp"
#include "subject.hpp"
#include "verbs.hpp"

namespace {

/// Printed together.
constexpr std::size_t kTogether = 64 * 1024;

/// Each line indented, so that none is taken for something else.
std::string indented(std::string_view text) {
  std::string lines;
  while (!text.empty()) lines.append("  ").append(ipc::cut(text, '\n')).append("\n");
  return lines;
}

std::string description_of(const queue::Message& message) {
  std::string text = "id " + std::to_string(message.id) + ", priority " + std::to_string(message.priority) +
                     ", attempt " + std::to_string(message.attempt) + ", age " + age_text(message.put_at);
  if (!message.death) return text + '\n';
  text += ", died after " + std::to_string(message.death->attempts) +
          (message.death->attempts == 1 ? " attempt" : " attempts") + " with status " +
          std::to_string(message.death->status) + '\n';
  return text + indented(message.death->error);
}

}  // namespace

int peek_messages(const Config& config) {
  const queue::Opened opened = open_durable(config, "cannot be looked into");
  const Framer framer(config.framing);
  std::string text;
  bool any = false;
  bool ambiguous = false;
  opened.file->peek(config.count.value_or(1), [&](const queue::Message& message) {
    if (config.verbose) text += description_of(message);
    framer.append_head(text, message.bytes);
    text += message.bytes;
    framer.append_tail(text);
    any = true;
    ambiguous = ambiguous || framer.is_ambiguous(message.bytes);
    if (text.size() < kTogether) return true;
    print(text);
    text.clear();
    return true;
  });
  print(text);
  tell_damage(config, opened);
  if (ambiguous) complain(config, "a message holds the delimiter of the output (see --len)");
  return any ? ipc::kExitSuccess : ipc::kExitNo;
}
