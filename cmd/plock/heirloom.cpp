#include "heirloom.hpp"

#include <charconv>
#include <cstdlib>

#include "ipc/cut.hpp"
#include "ipc/lock_table.hpp"

namespace {

/// False when `text` is not a number and nothing else.
template <class Number>
bool read_number(std::string_view text, int base, Number& number) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number, base);
  return read.ec == std::errc() && read.ptr == end;
}

/// Not by printf(): its code and its buffers are not needed otherwise on the way to COMMAND.
template <class Number>
void append_number(std::string& text, Number number, int base) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

std::optional<Heirloom> parse_one(std::string_view word) {
  Heirloom heirloom;
  if (!read_number(ipc::cut(word, ':'), 10, heirloom.fd) || heirloom.fd < 0) return std::nullopt;
  if (!read_number(ipc::cut(word, ':'), 16, heirloom.file.device)) return std::nullopt;
  if (!read_number(ipc::cut(word, ':'), 16, heirloom.file.inode)) return std::nullopt;
  const std::string_view mode = ipc::cut(word, ':');
  if (mode != "X" && mode != "S") return std::nullopt;
  heirloom.mode = mode == "X" ? ipc::FileLock::Mode::exclusive : ipc::FileLock::Mode::shared;
  if (!read_number(word, 10, heirloom.since)) return std::nullopt;
  return heirloom;
}

}  // namespace

std::vector<Heirloom> parse_heirlooms(std::string_view text) {
  std::vector<Heirloom> heirlooms;
  while (!text.empty()) {
    if (const auto one = parse_one(ipc::cut(text, ' '))) heirlooms.push_back(*one);
  }
  return heirlooms;
}

std::string to_text(const Heirloom& heirloom) {
  std::string text;
  append_number(text, heirloom.fd, 10);
  text += ':';
  append_number(text, heirloom.file.device, 16);
  text += ':';
  append_number(text, heirloom.file.inode, 16);
  text += heirloom.mode == ipc::FileLock::Mode::exclusive ? ":X:" : ":S:";
  append_number(text, heirloom.since, 10);
  return text;
}

bool is_open(const Heirloom& heirloom) { return ipc::file_id(heirloom.fd) == heirloom.file; }

std::optional<ipc::FileLock::Mode> inherited_lock(ipc::FileId file) {
  const char* text = std::getenv(kHeirlooms);
  for (const Heirloom& heirloom : parse_heirlooms(text != nullptr ? text : "")) {
    if (heirloom.file != file || !is_open(heirloom)) continue;
    if (const auto mode = ipc::lock_on(heirloom.fd)) return mode;
  }
  return std::nullopt;
}
