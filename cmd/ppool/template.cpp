#include "template.hpp"

#include <algorithm>
#include <charconv>

#include "ipc/error.hpp"

namespace {

std::string_view without_trailing_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string_view base_of(std::string_view path) {
  path = without_trailing_slashes(path);
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string_view directory_of(std::string_view path) {
  path = without_trailing_slashes(path);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return without_trailing_slashes(path.substr(0, std::max<std::size_t>(slash, 1)));
}

/// Drops ".ext" of the last component.
std::string_view stem_of(std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos || path.find('/', dot) != std::string_view::npos) return path;
  return path.substr(0, dot);
}

std::string joined(const std::vector<std::string>& fields) {
  std::string text = fields.empty() ? std::string() : fields.front();
  for (std::size_t i = 1; i < fields.size(); ++i) text += " " + fields[i];
  return text;
}

bool is_shell(std::string_view command) {
  const std::string_view name = base_of(command);
  return name == "sh" || name == "bash" || name == "dash";
}

/// The index of the script in `sh [-OPTIONS] -c SCRIPT`, or 0.
std::size_t script_index(const std::vector<std::string>& words) {
  if (!is_shell(words.front())) return 0;
  bool runs_script = false;
  std::size_t i = 1;
  for (; i < words.size() && words[i].size() > 1 && (words[i][0] == '-' || words[i][0] == '+'); ++i) {
    if (words[i] == "--") {
      ++i;
      break;
    }
    if (words[i].starts_with("--")) {
      if (words[i] == "--rcfile" || words[i] == "--init-file") ++i;  // which take a file
      continue;
    }
    runs_script |= words[i].find('c') != std::string::npos && words[i][0] == '-';
    if (words[i].ends_with('o') || words[i].ends_with('O')) ++i;  // -o OPTION
  }
  return runs_script && i < words.size() ? i : 0;
}

}  // namespace

std::vector<std::string_view> columns_of(std::string_view record, std::string_view separator) {
  std::vector<std::string_view> columns;
  for (;;) {
    const auto at = record.find(separator);
    columns.push_back(record.substr(0, at));
    if (at == std::string_view::npos) return columns;
    record.remove_prefix(at + separator.size());
  }
}

std::string_view column_of(std::string_view record, std::string_view separator, std::uint64_t column) {
  while (--column > 0) {
    const auto at = record.find(separator);
    if (at == std::string_view::npos) return {};
    record.remove_prefix(at + separator.size());
  }
  return record.substr(0, record.find(separator));
}

Template::Template(const std::vector<std::string>& words, TemplateRules rules) : rules_(std::move(rules)) {
  for (const auto& word : words) words_.push_back(read(word));
  append_ = std::ranges::none_of(words_, carries_record);
  check(words);
}

Template Template::literal(const std::vector<std::string>& words, TemplateRules rules) {
  Template result(std::move(rules));
  for (const auto& word : words) result.words_.push_back({Piece{Kind::text, word}});
  return result;
}

bool Template::read_placeholder(std::string_view text, Piece& piece, std::size_t& length) const {
  static constexpr struct {
    std::string_view text;
    Kind kind;
  } kFixed[] = {{"{.}", Kind::stem},       {"{/}", Kind::base},   {"{//}", Kind::directory},
                {"{/.}", Kind::base_stem}, {"{#}", Kind::number}, {"{%}", Kind::slot}};
  if (text.starts_with(rules_.placeholder)) {
    piece.kind = Kind::whole;
    length = rules_.placeholder.size();
    return true;
  }
  for (const auto& fixed : kFixed) {
    if (!text.starts_with(fixed.text)) continue;
    piece.kind = fixed.kind;
    length = fixed.text.size();
    return true;
  }
  if (text.size() < 3 || text[0] != '{' || text[1] < '1' || text[1] > '9') return false;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), piece.column);
  const auto digits_end = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || digits_end >= text.size() || text[digits_end] != '}') return false;
  if (!rules_.separator && piece.column > rules_.known_fields) return false;
  piece.kind = Kind::column;
  length = digits_end + 1;
  return true;
}

Template::Word Template::read(std::string_view word) const {
  if (word == "<>") return {Piece{Kind::whole, {}}};
  Word pieces;
  std::size_t from = 0;
  for (std::size_t at = 0; at < word.size();) {
    Piece piece;
    std::size_t length = 0;
    if (!read_placeholder(word.substr(at), piece, length)) {
      ++at;
      continue;
    }
    if (at > from) pieces.push_back({Kind::text, std::string(word.substr(from, at - from))});
    pieces.push_back(std::move(piece));
    from = at += length;
  }
  if (from < word.size() || pieces.empty()) pieces.push_back({Kind::text, std::string(word.substr(from))});
  return pieces;
}

bool Template::has_placeholder(const Word& word) noexcept {
  return std::ranges::any_of(word, [](const Piece& piece) { return piece.kind != Kind::text; });
}

bool Template::carries_record(const Word& word) noexcept {
  return std::ranges::any_of(word, [](const Piece& piece) {
    return piece.kind != Kind::text && piece.kind != Kind::number && piece.kind != Kind::slot;
  });
}

void Template::check(const std::vector<std::string>& words) const {
  const std::size_t script = script_index(words);
  if (script > 0 && has_placeholder(words_[script])) {
    throw ipc::UsageError(words[script] +
                          ": a record must not be spliced into a script; use --sh, and \"$1\" in it");
  }
  if (!rules_.many_records) return;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (const Piece& piece : words_[i]) {
      const bool one_value = piece.kind == Kind::text || piece.kind == Kind::number ||
                             piece.kind == Kind::slot || piece.kind == Kind::column;
      if (!one_value && !is_lone_whole(words_[i])) {
        throw ipc::UsageError(words[i] + ": with -N or -X, {} must be an argument by itself");
      }
    }
  }
  if (is_lone_whole(words_.front()))
    throw ipc::UsageError(words.front() + ": with -N or -X, COMMAND must be fixed");
}

std::size_t Template::copies() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(words_, is_lone_whole)) + (append_ ? 1 : 0);
}

bool Template::command_varies() const noexcept { return words_.empty() || has_placeholder(words_.front()); }

void Template::append_piece(const Piece& piece, const JobView& job, ipc::Arguments& into) const {
  const bool several = job.fields.size() > 1;
  const std::string all = several ? joined(job.fields) : std::string();
  const std::string_view whole = several ? std::string_view(all) : std::string_view(job.fields.front());
  switch (piece.kind) {
    case Kind::text: into.append(piece.text); break;
    case Kind::whole: into.append(whole); break;
    case Kind::stem: into.append(stem_of(whole)); break;
    case Kind::base: into.append(base_of(whole)); break;
    case Kind::directory: into.append(directory_of(whole)); break;
    case Kind::base_stem: into.append(stem_of(base_of(whole))); break;
    case Kind::number: into.append(std::to_string(job.seq)); break;
    case Kind::slot: into.append(std::to_string(job.slot)); break;
    case Kind::column:
      if (rules_.separator) {
        into.append(column_of(whole, *rules_.separator, piece.column));
      } else if (piece.column <= job.fields.size()) {
        into.append(job.fields[piece.column - 1]);
      }
      break;
  }
}

void Template::append_fields(const JobView& job, ipc::Arguments& into) const {
  if (rules_.separator) {
    for (const auto column : columns_of(job.fields.front(), *rules_.separator)) into.add_word(column);
  } else {
    for (const auto& field : job.fields) into.add_word(field);
  }
}

void Template::expand(const JobView& job, ipc::Arguments& into) const {
  into.clear();
  for (const Word& word : words_) {
    if (rules_.many_records && is_lone_whole(word)) {
      append_fields(job, into);
      continue;
    }
    into.begin_word();
    for (const Piece& piece : word) append_piece(piece, job, into);
    into.end_word();
  }
  if (append_) append_fields(job, into);
}
