#include "launcher.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "ipc/shell_quote.hpp"

namespace {

constexpr const char* kPlaceholder = "{}";

TemplateRules rules_of(const Config& config) {
  TemplateRules rules;
  rules.placeholder = config.placeholder;
  rules.separator = config.separator;
  rules.known_fields = std::max<std::uint64_t>({1, config.groups.size(), config.max_records.value_or(1)});
  rules.many_records = config.fit || config.max_records.value_or(1) > 1;
  return rules;
}

std::vector<std::string> words_of(const Config& config) {
  if (config.commands) return {"sh", "-c"};
  if (config.script) return {"sh", "-c", *config.script, "sh"};
  return config.command;
}

Template template_of(const Config& config) {
  const bool literal = config.commands || config.script;
  return literal ? Template::literal(words_of(config), rules_of(config))
                 : Template(words_of(config), rules_of(config));
}

std::optional<Template> tag_of(const Config& config) {
  if (!config.tag) return std::nullopt;
  TemplateRules rules = rules_of(config);
  rules.many_records = false;
  const std::string text = config.tag->empty() ? rules.placeholder : *config.tag;
  return Template({text}, std::move(rules));
}

}  // namespace

Launcher::Launcher(const Config& config)
    : words_(words_of(config)),
      template_(template_of(config)),
      tag_(tag_of(config)),
      environment_(config.environment),
      null_(ipc::open_file("/dev/null", O_RDONLY)),
      nice_(config.nice),
      placeholder_(config.placeholder),
      separator_(config.separator) {
  if (!config.directory.empty()) directory_ = ipc::open_file(config.directory, O_RDONLY | O_DIRECTORY);
  if (!template_.command_varies()) command_ = look_up_word(words_.front().c_str());
}

ipc::Lookup Launcher::look_up_word(const char* word) const {
  return ipc::look_up(word, environment_.find("PATH"), directory_ ? directory_.get() : AT_FDCWD);
}

std::size_t Launcher::fixed_bytes() const noexcept {
  std::size_t sum = environment_.bytes();
  for (const auto& word : words_) sum += word.size() + 1 + sizeof(char*);
  return sum;
}

void Launcher::prepare(const Job& job) {
  template_.expand({job.input.fields, job.seq, job.slot}, arguments_);
}

int Launcher::unfit() const noexcept {
  if (arguments_.has_nul()) return EINVAL;
  return arguments_.has_overlong() ? E2BIG : 0;
}

std::string Launcher::quoted(bool one_line) const {
  std::string line;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (i > 0) line += ' ';
    ipc::append_quoted(line, arguments_.word(i),
                       one_line ? ipc::QuoteStyle::one_line : ipc::QuoteStyle::posix);
  }
  return line;
}

std::string Launcher::tag(const Job& job) const {
  if (!tag_) return {};
  ipc::Arguments text;
  tag_->expand({job.input.fields, job.seq, job.slot}, text);
  return std::string(text.word(0)) + '\t';
}

ipc::Hash128 Launcher::identity(const Job& job) const {
  // Lengths in front, so that no two lists of words run together into the same bytes.
  std::string bytes;
  const auto add = [&bytes](const auto& list) {
    bytes += std::to_string(list.size()) + ';';
    for (const auto& text : list) {
      bytes += std::to_string(text.size()) + ':';
      bytes += text;
    }
  };
  add(words_);
  // Equal words mean something else where another string is the placeholder.
  if (placeholder_ != kPlaceholder) add(std::vector<std::string>{placeholder_});
  if (separator_) {
    add(columns_of(job.input.fields.front(), *separator_));
  } else {
    add(job.input.fields);
  }
  return ipc::hash128(bytes);
}

ipc::Spawned Launcher::start(const Job& job, Streams streams, const ipc::SignalQueue& signals,
                             ipc::Guard& guard) {
  const ipc::Lookup varying = command_varies() ? look_up_word(arguments_.word(0)) : ipc::Lookup{};
  if (varying.errnum != 0) return {{}, ipc::Spawned::Step::exec, varying.errnum};
  environment_.set_job(job.seq, job.slot);
  ipc::SpawnPlan plan;
  plan.path = command_varies() ? varying.path.c_str() : command_.path.c_str();
  plan.argv = arguments_.argv();
  plan.envp = environment_.envp();
  plan.standard[0] = terminal_ != nullptr ? terminal_->descriptor() : null_.get();
  plan.standard[1] = streams.out;
  plan.standard[2] = streams.err;
  plan.directory = directory_ ? directory_.get() : -1;
  plan.nice = nice_;
  plan.open_files = open_files_ ? &*open_files_ : nullptr;
  plan.mask = &signals.inherited_mask();
  plan.ignore_child_signal = signals.child_signal_was_ignored();
  plan.announcement = &guard.slot(job.slot - 1);
  ipc::Spawned spawned = ipc::spawn(plan);
  if (spawned.failed != ipc::Spawned::Step::none) guard.slot(job.slot - 1).store(0);
  if (spawned.process && terminal_ != nullptr && terminal_->is_ours()) terminal_->give(spawned.process.pid());
  return spawned;
}
