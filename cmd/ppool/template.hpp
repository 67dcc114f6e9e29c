#pragma once
/// Command words with placeholders, and their replacement by what a job is about.
///
///   {}    the record (of several ::: groups: the values, joined by spaces)     {#}  the job's number
///   <>    the same, where it is a whole argument                                {%}  its slot
///   {.}   without extension    {/}   basename    {//}  dirname    {/.}  basename without extension
///   {1} {2}...  columns (-C), ::: groups, records (-N)
///
/// A replacement is always part of one argument, whatever bytes it holds. Anything else in braces is left alone.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/arguments.hpp"

/// What placeholders are replaced from. Borrows.
struct JobView {
  const std::vector<std::string>& fields;
  std::uint64_t seq;
  unsigned slot;
};

/// How words are read.
struct TemplateRules {
  std::string placeholder = "{}";        ///< or what -I says
  std::optional<std::string> separator;  ///< of columns
  std::uint64_t known_fields = 1;        ///< the highest N of {N}, where there is no separator
  bool many_records = false;             ///< {} must stand alone, for all records of a job
};

class Template {
 public:
  /// Words with placeholders; when none of them carries the record, the fields are appended.
  /// Throws ipc::UsageError where a placeholder would be spliced into a shell script, or cannot stand.
  Template(const std::vector<std::string>& words, TemplateRules rules);
  /// Words as they are, with the fields appended.
  [[nodiscard]] static Template literal(const std::vector<std::string>& words, TemplateRules rules);

  void expand(const JobView& job, ipc::Arguments& into) const;
  /// How often the fields of a job are in its words, where there may be many.
  [[nodiscard]] std::size_t copies() const noexcept;
  /// The first word varies with the record.
  [[nodiscard]] bool command_varies() const noexcept;

 private:
  enum class Kind { text, whole, stem, base, directory, base_stem, number, slot, column };
  struct Piece {
    Kind kind = Kind::text;
    std::string text;
    std::uint64_t column = 0;  ///< from 1
  };
  using Word = std::vector<Piece>;

  explicit Template(TemplateRules rules) : rules_(std::move(rules)) {}
  [[nodiscard]] Word read(std::string_view word) const;
  [[nodiscard]] bool read_placeholder(std::string_view text, Piece& piece, std::size_t& length) const;
  void check(const std::vector<std::string>& words) const;
  void append_piece(const Piece& piece, const JobView& job, ipc::Arguments& into) const;
  void append_fields(const JobView& job, ipc::Arguments& into) const;
  [[nodiscard]] static bool carries_record(const Word& word) noexcept;
  [[nodiscard]] static bool has_placeholder(const Word& word) noexcept;
  [[nodiscard]] static bool is_lone_whole(const Word& word) noexcept {
    return word.size() == 1 && word.front().kind == Kind::whole;
  }

  TemplateRules rules_;
  std::vector<Word> words_;
  bool append_ = true;
};

/// The parts of `record` between separators: at least one.
[[nodiscard]] std::vector<std::string_view> columns_of(std::string_view record, std::string_view separator);

/// The part of `record` that column number `column` (from 1) is; empty where there is none.
[[nodiscard]] std::string_view column_of(std::string_view record, std::string_view separator,
                                         std::uint64_t column);
