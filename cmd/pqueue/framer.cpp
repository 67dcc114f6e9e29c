#include "framer.hpp"

#include <charconv>

namespace {

/// A length and its newline.
struct Header {
  char text[24];
  std::size_t size;

  explicit Header(std::size_t length) {
    char* end = std::to_chars(text, text + sizeof text - 1, length).ptr;
    *end++ = '\n';
    size = static_cast<std::size_t>(end - text);
  }
};

}  // namespace

void Framer::append_head(std::string& text, std::string_view message) const {
  if (framing_.kind != Framing::Kind::length) return;
  const Header header(message.size());
  text.append(header.text, header.size);
}

std::size_t Framer::size_of(std::string_view message) const {
  if (framing_.kind == Framing::Kind::length) return Header(message.size()).size + message.size();
  return message.size() + (framing_.kind == Framing::Kind::delimited ? 1 : 0);
}
