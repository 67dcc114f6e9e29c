#include "ipc/tail.hpp"

#include "tap.hpp"

namespace {

/// A text in which no two places look alike.
std::string numbers(std::size_t size) {
  std::string text;
  for (unsigned i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

}  // namespace

TEST("what is short is kept whole") {
  ipc::Tail tail;
  check(tail.text().empty());
  tail.append("ab");
  tail.append("");
  tail.append("c\n");
  check_equal(std::string(tail.text()), "abc\n");
}

TEST("of what is long, the last 4 KiB are kept, in whatever pieces it came") {
  const std::string text = numbers(50000);
  const std::string expected = text.substr(text.size() - ipc::Tail::kKept);
  for (const std::size_t piece : {1U, 7U, 100U, 4095U, 4096U, 4097U, 8192U, 20000U, 50000U}) {
    ipc::Tail tail;
    for (std::size_t at = 0; at < text.size(); at += piece) tail.append(text.substr(at, piece));
    check(tail.text() == expected, std::to_string(piece));
  }
}

TEST("exactly 4 KiB, and one byte more") {
  const std::string text = numbers(ipc::Tail::kKept);
  ipc::Tail tail;
  tail.append(text);
  check(tail.text() == text);
  tail.append("x");
  check(tail.text() == text.substr(1) + 'x');
}

TEST("cleared, it begins again") {
  ipc::Tail tail;
  tail.append(numbers(10000));
  tail.clear();
  tail.append("new");
  check_equal(std::string(tail.text()), "new");
}
