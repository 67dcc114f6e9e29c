#include "heirloom.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace {

/// Takes a number off `text`, and the ':' behind it unless nothing is; false when they are not there.
template <class Number>
bool take_number(std::string_view& text, int base, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty()) return true;
  if (!text.starts_with(':') || text.size() == 1) return false;
  text.remove_prefix(1);
  return true;
}

/// Not by printf(): its code and its buffers are not needed otherwise on the way to COMMAND.
template <class Number>
void append_number(std::string& text, Number number, int base) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

std::optional<Heirloom> parse_one(std::string_view word) {
  Heirloom heirloom;
  if (!take_number(word, 10, heirloom.fd) || heirloom.fd < 0) return std::nullopt;
  if (!take_number(word, 16, heirloom.file.device) || !take_number(word, 16, heirloom.file.inode))
    return std::nullopt;
  if (!word.starts_with("X:") && !word.starts_with("S:")) return std::nullopt;
  heirloom.mode = word[0] == 'X' ? ipc::FileLock::Mode::exclusive : ipc::FileLock::Mode::shared;
  word.remove_prefix(2);
  if (!take_number(word, 10, heirloom.since) || !word.empty()) return std::nullopt;
  return heirloom;
}

}  // namespace

std::vector<Heirloom> parse_heirlooms(std::string_view text) {
  std::vector<Heirloom> heirlooms;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (const auto one = parse_one(text.substr(0, end))) heirlooms.push_back(*one);
    text.remove_prefix(std::min(end + 1, text.size()));
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

bool is_open(const Heirloom& heirloom) {
  struct stat status {};
  return ::fstat(heirloom.fd, &status) == 0 && ipc::file_id(status) == heirloom.file;
}

std::optional<ipc::FileLock::Mode> inherited_lock(ipc::FileId file) {
  const char* text = std::getenv(kHeirlooms);
  for (const Heirloom& heirloom : parse_heirlooms(text != nullptr ? text : "")) {
    if (heirloom.file != file || !is_open(heirloom)) continue;
    if (const auto mode = ipc::lock_on(heirloom.fd)) return mode;
  }
  return std::nullopt;
}
