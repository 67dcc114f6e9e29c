#include "ipc/error.hpp"
#include "tap.hpp"
#include "template.hpp"

namespace {

using Words = std::vector<std::string>;

constexpr std::uint64_t kSeq = 12;
constexpr unsigned kSlot = 3;

Words expanded(const Template& words, const Words& fields) {
  ipc::Arguments arguments;
  words.expand({fields, kSeq, kSlot}, arguments);
  Words list;
  for (std::size_t i = 0; i < arguments.size(); ++i) list.emplace_back(arguments.word(i));
  return list;
}

Words expanded(const Words& words, const Words& fields, const TemplateRules& rules = {}) {
  return expanded(Template(words, rules), fields);
}

/// The one argument that `word` becomes, behind a command.
std::string one(const std::string& word, const std::string& record) {
  const Words list = expanded({"cmd", word}, {record});
  require(list.size() == 2, word);
  return list[1];
}

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += '[' + word + ']';
  return text;
}

void check_expands(const Words& words, const Words& fields, const std::string& expected,
                   const TemplateRules& rules = {}, tap::Here at = tap::Here::current()) {
  check_equal(joined(expanded(words, fields, rules)), expected, joined(words), at);
}

std::string refusal(const Words& words, const TemplateRules& rules = {},
                    tap::Here at = tap::Here::current()) {
  return check_throws<ipc::UsageError>([&] { (void)Template(words, rules); }, joined(words), at);
}

TemplateRules columns(const std::string& separator) {
  TemplateRules rules;
  rules.separator = separator;
  return rules;
}

TemplateRules many(std::uint64_t known = 3) {
  TemplateRules rules;
  rules.many_records = true;
  rules.known_fields = known;
  return rules;
}

TemplateRules known(std::uint64_t count) {
  TemplateRules rules;
  rules.known_fields = count;
  return rules;
}

TemplateRules replaced_by(const std::string& placeholder) {
  TemplateRules rules;
  rules.placeholder = placeholder;
  return rules;
}

}  // namespace

TEST("without a placeholder the record is appended, as one argument") {
  check_expands({"cmd"}, {"a b"}, "[cmd][a b]");
  check_expands({"cmd", "-x", ""}, {""}, "[cmd][-x][][]");
}

TEST("{} is the record wherever it stands, <> only where it is the whole argument") {
  check_expands({"cmd", "{}"}, {"a b"}, "[cmd][a b]");
  check_expands({"cmd", "<{}>{}"}, {"a b"}, "[cmd][<a b>a b]");
  check_expands({"cmd", "<>", "x"}, {"r"}, "[cmd][r][x]");
  check_expands({"cmd", "a<>"}, {"r"}, "[cmd][a<>][r]");
  check_expands({"{}", "x"}, {"r"}, "[r][x]");
  check_expands({"<>"}, {"r"}, "[r]");
}

TEST("whatever bytes a record holds, it stays in its argument, and is not read again") {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte) bytes += static_cast<char>(byte);
  for (const std::string& record : {bytes, std::string("{} {1} <> {#} $(id) `id` ; ' \" \\"),
                                    std::string("-n"), std::string("a\nb"), std::string()}) {
    check(expanded({"cmd", "{}"}, {record}) == Words{"cmd", record});
    check(expanded({"cmd", "x{}y{.}"}, {record})[1].starts_with("x" + record + "y"));
  }
}

TEST("parts of a path") {
  struct Row {
    const char* record;
    const char* stem;
    const char* base;
    const char* directory;
    const char* base_stem;
  };
  for (const Row& row :
       {Row{"a.txt", "a", "a.txt", ".", "a"}, Row{"/d/e/a.tar.gz", "/d/e/a.tar", "a.tar.gz", "/d/e", "a.tar"},
        Row{"d.d/a", "d.d/a", "a", "d.d", "a"}, Row{"a", "a", "a", ".", "a"}, Row{"/a", "/a", "a", "/", "a"},
        Row{"/", "/", "/", "/", "/"}, Row{"//", "//", "/", "/", "/"}, Row{"a/", "a/", "a", ".", "a"},
        Row{"d//a.c", "d//a", "a.c", "d", "a"}, Row{"//a", "//a", "a", "/", "a"},
        Row{"d/e/", "d/e/", "e", "d", "e"}, Row{".", "", ".", ".", ""},
        Row{"a b.c d", "a b", "a b.c d", ".", "a b"}, Row{"", "", "", ".", ""},
        Row{"../x.y", "../x", "x.y", "..", "x"}}) {
    if (std::string_view(row.record) != ".") check_equal(one("{.}", row.record), row.stem, row.record);
    check_equal(one("{/}", row.record), row.base, row.record);
    check_equal(one("{//}", row.record), row.directory, row.record);
    if (std::string_view(row.record) != ".") check_equal(one("{/.}", row.record), row.base_stem, row.record);
  }
  check_equal(one("{//}/{/.}.jpg", "in/pic.png"), "in/pic.jpg");
}

TEST("{#} and {%} are the job's number and slot, and do not carry the record") {
  check_expands({"cmd", "{#}-{%}"}, {"r"}, "[cmd][12-3][r]");
  check_expands({"cmd", "{#}{}"}, {"r"}, "[cmd][12r]");
}

TEST("unknown braces are left as they are") {
  for (const char* word : {"{x}", "{", "}", "{ }", "{0}", "{01}", "{-1}", "{1", "{1x}", "{2}",
                           "{99999999999999999999999}", "{a,b}", "${HOME}", "{##}", "{..}", "{///}"}) {
    check_expands({"cmd", word}, {"r"}, "[cmd][" + std::string(word) + "][r]");
  }
  check_expands({"cmd", "{{}}"}, {"r"}, "[cmd][{r}]");
}

TEST("{1} is the record; {2} only known where there can be two") {
  check_expands({"cmd", "{1}"}, {"r"}, "[cmd][r]");
  check_expands({"cmd", "{2}-{1}-{3}"}, {"a", "b"}, "[cmd][b-a-{3}]", known(2));
  check_expands({"cmd", "{}"}, {"a", "b"}, "[cmd][a b]", known(2));
  check_expands({"cmd"}, {"a", "b"}, "[cmd][a][b]", known(2));
  check_expands({"cmd", "{/}"}, {"d/a", "d/b"}, "[cmd][b]", known(2));
}

TEST("columns: {N} of a record cut at a separator, empty where there is none") {
  check_expands({"cmd", "{1}", "{3}", "{2}"}, {"a,b,c"}, "[cmd][a][c][b]", columns(","));
  check_expands({"cmd", "{1}", "{3}"}, {"a,b"}, "[cmd][a][]", columns(","));
  check_expands({"cmd", "{10}"}, {"a,b"}, "[cmd][]", columns(","));
  check_expands({"cmd", "{2}"}, {",,c"}, "[cmd][]", columns(","));
  check_expands({"cmd", "{}"}, {"a,b"}, "[cmd][a,b]", columns(","));
  check_expands({"cmd", "{2}"}, {"a::b::c"}, "[cmd][b]", columns("::"));
  check_expands({"cmd", "{2}"}, {"a:b"}, "[cmd][]", columns("::"));
  check_expands({"cmd", "{#}"}, {"a,b,"}, "[cmd][12][a][b][]", columns(","));
  check_expands({"cmd"}, {"a"}, "[cmd][a]", columns(","));
  check_expands({"cmd"}, {""}, "[cmd][]", columns(","));
}

TEST("column_of") {
  check_equal(column_of("a,b,c", ",", 1), "a");
  check_equal(column_of("a,b,c", ",", 3), "c");
  check_equal(column_of("a,b,c", ",", 4), "");
  check_equal(column_of("", ",", 1), "");
  check_equal(column_of("a,", ",", 2), "");
  check_equal(column_of("aXYbXY", "XY", 2), "b");
}

TEST("-I: another placeholder in place of {}, which then means nothing") {
  check_expands({"cmd", "aXXb", "{}"}, {"r"}, "[cmd][arb][{}]", replaced_by("XX"));
  check_expands({"cmd", "{}"}, {"r"}, "[cmd][{}][r]", replaced_by("XX"));
  check_expands({"cmd", "XXX"}, {"r"}, "[cmd][rX]", replaced_by("XX"));
  check_expands({"cmd", "<>", "{/}"}, {"d/r"}, "[cmd][d/r][r]", replaced_by("XX"));
  check_expands({"cmd", "{.}"}, {"a.b"}, "[cmd][a.b]", replaced_by("{.}"));
  check_expands({"cmd", "%"}, {"r"}, "[cmd][r]", replaced_by("%"));
}

TEST("-N: all records stand in for a lone {}, or are appended") {
  check_expands({"cmd", "-a", "{}", "-z"}, {"a", "b c"}, "[cmd][-a][a][b c][-z]", many());
  check_expands({"cmd", "<>", "-z"}, {"a", "b"}, "[cmd][a][b][-z]", many());
  check_expands({"cmd"}, {"a", "b"}, "[cmd][a][b]", many());
  check_expands({"cmd", "{#}:{%}"}, {"a", "b"}, "[cmd][12:3][a][b]", many());
  check_expands({"cmd", "{2}", "x{1}"}, {"a", "b"}, "[cmd][b][xa]", many());
  check_expands({"cmd", "{3}."}, {"a", "b"}, "[cmd][.]", many(3));
  check_expands({"cmd", "{4}"}, {"a", "b"}, "[cmd][{4}][a][b]", many(3));
  check_expands({"cmd", "{}", "{}"}, {"a", "b"}, "[cmd][a][b][a][b]", many());
  check_expands({"cmd", "YY"}, {"a", "b"}, "[cmd][a][b]", [] {
    TemplateRules rules = many();
    rules.placeholder = "YY";
    return rules;
  }());
}

TEST("-N: what could only be one value is refused") {
  for (const char* word : {"x{}", "{}x", "{}{}", "{.}", "{/}", "{//}", "{/.}", "{}{#}"}) {
    check_equal(refusal({"cmd", word}, many()),
                std::string(word) + ": with -N or -X, {} must be an argument by itself");
  }
  check(refusal({"{}", "x"}, many()).find("COMMAND must be fixed") != std::string::npos);
  check(refusal({"<>"}, many()).find("COMMAND must be fixed") != std::string::npos);
}

TEST("a record is never spliced into a shell's script") {
  for (const Words& words : std::vector<Words>{{"sh", "-c", "echo {}"},
                                               {"bash", "-c", "echo {/}"},
                                               {"/bin/dash", "-c", "x{1}"},
                                               {"sh", "-ec", "{}"},
                                               {"sh", "-e", "-c", "{}"},
                                               {"bash", "-euo", "pipefail", "-c", "{}"},
                                               {"sh", "-c", "<>"},
                                               {"sh", "-c", "--", "{}"},
                                               {"sh", "-c", "-e", "{}"},
                                               {"/usr/bin/bash", "--norc", "-c", "{.}"},
                                               {"sh", "+e", "-c", "{}"},
                                               {"sh", "-c", "echo {#}"},
                                               {"bash", "-xc", "a{//}b", "sh", "{}"}}) {
    const std::string reason = refusal(words);
    check(reason.find("--sh") != std::string::npos, reason);
    check(reason.find("\"$1\"") != std::string::npos, reason);
  }
  check(refusal({"sh", "-c", "echo XX"}, replaced_by("XX")).find("--sh") != std::string::npos);
}

TEST("scripts without a placeholder, and what is no script, are left in peace") {
  check_expands({"sh", "-c", "echo \"$1\"", "sh"}, {"r"}, "[sh][-c][echo \"$1\"][sh][r]");
  check_expands({"sh", "-c", "echo \"$1\"", "sh", "{}"}, {"r"}, "[sh][-c][echo \"$1\"][sh][r]");
  check_expands({"sh", "{}"}, {"r"}, "[sh][r]");
  check_expands({"sh", "script", "-c", "{}"}, {"r"}, "[sh][script][-c][r]");
  check_expands({"sh", "-e", "{}"}, {"r"}, "[sh][-e][r]");
  check_expands({"ssh", "-c", "{}"}, {"r"}, "[ssh][-c][r]");
  check_expands({"python3", "-c", "{}"}, {"r"}, "[python3][-c][r]");
  check_expands({"sh", "-c", "echo {}"}, {"r"}, "[sh][-c][echo {}][r]", replaced_by("XX"));
  check_expands({"sh", "-c", "${x}"}, {"r"}, "[sh][-c][${x}][r]");
  check_expands({"sh"}, {"r"}, "[sh][r]");
  check_expands({"sh", "-c"}, {"r"}, "[sh][-c][r]");
}

TEST("literal words are as they are, with the fields behind") {
  const Template words = Template::literal({"sh", "-c", "echo {} <> {#}", "sh"}, {});
  check_equal(joined(expanded(words, {"{}"})), "[sh][-c][echo {} <> {#}][sh][{}]");
  check(!words.command_varies());
  check_equal(joined(expanded(Template::literal({"sh"}, columns(",")), {"a,b"})), "[sh][a][b]");
}

TEST("the command varies when its word has a placeholder") {
  check(Template({"{}"}, {}).command_varies());
  check(Template({"<>"}, {}).command_varies());
  check(Template({"x{#}", "y"}, {}).command_varies());
  check(!Template({"cmd", "{}"}, {}).command_varies());
  check(!Template({"{x}", "{}"}, {}).command_varies());
}

TEST("an expansion leaves nothing of the one before") {
  const Template words({"cmd", "{}"}, {});
  ipc::Arguments arguments;
  const Words first{"a long record"};
  const Words second{"b"};
  words.expand({first, 1, 1}, arguments);
  words.expand({second, 2, 1}, arguments);
  check_equal(arguments.size(), 2U);
  check_equal(std::string(arguments.word(1)), "b");
}
