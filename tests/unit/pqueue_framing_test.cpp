/// reader.hpp and framer.hpp: messages in streams, going in and coming out.

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "descriptors.hpp"
#include "framer.hpp"
#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "ipc/pipe.hpp"
#include "reader.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::BadValue;
using Messages = std::vector<std::string>;

constexpr Framing kLines{};
constexpr Framing kNull{Framing::Kind::delimited, '\0'};
constexpr Framing kCounted{Framing::Kind::length};
constexpr Framing kWhole{Framing::Kind::whole};
constexpr std::uint64_t kLongest = 1 << 20;

Messages batch_of(Reader& reader) {
  const auto batch = reader.next();
  return {batch.begin(), batch.end()};
}

/// All that is in a file of this text, batch by batch; what was thrown comes last, in brackets.
std::vector<Messages> batches(const std::string& text, Framing framing, std::uint64_t longest = kLongest) {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("in", text), O_RDONLY);
  Reader reader(file.get(), "in", framing, longest);
  std::vector<Messages> all;
  try {
    for (;;) {
      const Messages batch = batch_of(reader);
      if (batch.empty()) break;
      all.push_back(batch);
    }
    check(reader.next().empty(), "the end stays the end");
  } catch (const BadValue& bad) {
    check_equal(check_throws<BadValue>([&] { (void)reader.next(); }), std::string(bad.what()),
                "and is told again");
    all.push_back({'[' + std::string(bad.what()) + ']'});
  }
  return all;
}

Messages flat(const std::string& text, Framing framing, std::uint64_t longest = kLongest) {
  Messages messages;
  for (const Messages& batch : batches(text, framing, longest))
    messages.insert(messages.end(), batch.begin(), batch.end());
  return messages;
}

std::string of_zero(const char* text, std::size_t size) { return {text, size}; }

void write_text(const ipc::Pipe& pipe, const std::string& text) {
  check_equal(ipc::write_all(pipe.write_end.get(), text), 0);
}

std::string framed(const Messages& messages, Framing framing) {
  const Framer framer(framing);
  std::string text;
  std::size_t size = 0;
  for (const std::string& message : messages) {
    framer.append_head(text, message);
    text += message;
    framer.append_tail(text);
    size += framer.size_of(message);
    check_equal(text.size(), size, "size_of() knows");
  }
  return text;
}

}  // namespace

TEST("lines: the last needs no newline, empty ones count") {
  check(flat("", kLines).empty());
  check(flat("a\n", kLines) == Messages{"a"});
  check(flat("a", kLines) == Messages{"a"});
  check((flat("a\nb\n\nc", kLines) == Messages{"a", "b", "", "c"}));
  check((flat("\n\n", kLines) == Messages{"", ""}));
  check((flat(of_zero("a\0b\nc", 5), kLines) == Messages{of_zero("a\0b", 3), "c"}));
}

TEST("other delimiters") {
  check((flat(of_zero("a\nb\0\0c", 6), kNull) == Messages{"a\nb", "", "c"}));
  check((flat("a,b,", {Framing::Kind::delimited, ','}) == Messages{"a", "b"}));
  check((flat("a\xffz", {Framing::Kind::delimited, '\xff'}) == Messages{"a", "z"}));
}

TEST("with their length: any bytes") {
  check((flat("5\nhello0\n3\na\nb", kCounted) == Messages{"hello", "", "a\nb"}));
  check((flat("007\n1234567", kCounted) == Messages{"1234567"}));
  check(flat("", kCounted).empty());
  check(flat("0\n", kCounted) == Messages{""});
}

TEST("a length that is wrong is told, after the messages before it") {
  check((batches("1\na2\nbc", kCounted) == std::vector<Messages>{{"a", "bc"}}));
  check((batches("1\nax\nbc", kCounted) ==
         std::vector<Messages>{{"a"}, {"[in: message 2: 'x' is no length]"}}));
  check((flat("2\nabc\n", kCounted) == Messages{"ab", "[in: message 2: 'c' is no length]"}),
        "it was too short");
  check((flat("1\na5\nbc", kCounted) == Messages{"a", "[in: message 2: cut short, 2 of 5 bytes]"}));
  check((flat("1\na5", kCounted) == Messages{"a", "[in: message 2: its length is cut short]"}));
  check((flat("1\na5\n", kCounted) == Messages{"a", "[in: message 2: cut short, 0 of 5 bytes]"}));
  for (const char* bad : {"-1\n", "+1\n", " 1\n", "1 \n", "0x1\n", "\n", "1.0\n", "1\r\n", "x", "1x"})
    check(flat(bad, kCounted).back().ends_with("is no length]"), bad);
}

TEST("a length that no message can have is told at once, and takes no memory") {
  check((flat("10\nabc", kCounted, 9) == Messages{"[in: message 1: longer than 9 bytes]"}));
  check((flat("18446744073709551615\n", kCounted) == Messages{"[in: message 1: longer than 1048576 bytes]"}));
  check((flat("99999999999999999999\n", kCounted) == Messages{"[in: message 1: longer than 1048576 bytes]"}));
  const ipc::Pipe pipe = ipc::Pipe::create();
  Reader reader(pipe.read_end.get(), "in", kCounted, kLongest);
  write_text(pipe, std::string(100, 'x'));
  check(check_throws<BadValue>([&] { (void)reader.next(); }).ends_with("is no length"),
        "no newline in sight");
}

TEST("whole: all there is, also nothing") {
  check(flat("a\nb\n", kWhole) == Messages{"a\nb\n"});
  check(flat("", kWhole) == Messages{""});
  const std::string large(3'000'000, 'x');
  check(flat(large, kWhole, 3'000'000) == Messages{large});
  check(flat(large, kWhole, 2'999'999) == Messages{"[in: message 1: longer than 2999999 bytes]"});
}

TEST("a message that is too long is told, with its number") {
  check((flat("abc\n", kLines, 3) == Messages{"abc"}));
  check((flat("abc", kLines, 3) == Messages{"abc"}));
  check((flat("a\nabcd\nb\n", kLines, 3) == Messages{"a", "[in: message 2: longer than 3 bytes]"}));
  check((flat("a\nabcd", kLines, 3) == Messages{"a", "[in: message 2: longer than 3 bytes]"}));
  check((flat(std::string(5'000'000, 'x'), kLines, 4'000'000) ==
         Messages{"[in: message 1: longer than 4000000 bytes]"}));
}

TEST("large messages come whole, between small ones") {
  const std::string one(5'000'000, 'x');
  const std::string two(2'500'001, 'y');
  constexpr std::uint64_t kRoom = 5'000'000;
  check((flat("a\n" + one + "\nb\n" + two, kLines, kRoom) == Messages{"a", one, "b", two}));
  check((flat(framed({"a", one, "", two, "b"}, kCounted), kCounted, kRoom) ==
         Messages{"a", one, "", two, "b"}));
}

TEST("a batch has at most 1000 messages, and not much more than 1 MiB") {
  std::string text;
  for (int i = 0; i < 2500; ++i) text += std::to_string(i) + '\n';
  const auto small = batches(text, kLines);
  require(small.size() == 3);
  check_equal(small[0].size(), 1000);
  check_equal(small[1].size(), 1000);
  check_equal(small[2].size(), 500);
  check_equal(small[2].back(), "2499");
  text.clear();
  for (int i = 0; i < 40; ++i) text += std::string(100'000, 'x') + '\n';
  std::size_t count = 0;
  for (const Messages& batch : batches(text, kLines)) {
    check(batch.size() <= 11, std::to_string(batch.size()));
    count += batch.size();
  }
  check_equal(count, 40);
}

TEST("messages that have come are not held back for those that come later") {
  ipc::Pipe pipe = ipc::Pipe::create();
  Reader reader(pipe.read_end.get(), "in", kLines, kLongest);
  write_text(pipe, "a\nb\nhal");
  check((batch_of(reader) == Messages{"a", "b"}));
  write_text(pipe, "f\n");
  check((batch_of(reader) == Messages{"half"}));
  write_text(pipe, "c");
  pipe.write_end.reset();
  check((batch_of(reader) == Messages{"c"}), "the last has no newline");
  check(batch_of(reader).empty());
}

TEST("what has come in several writes is one batch") {
  const ipc::Pipe pipe = ipc::Pipe::create();
  Reader reader(pipe.read_end.get(), "in", kLines, kLongest);
  for (const char* text : {"a\n", "b", "c\n", "d\n"}) write_text(pipe, text);
  check((batch_of(reader) == Messages{"a", "bc", "d"}));
}

TEST("a source that must not be waited for in read(2) is waited for with poll(2)") {
  const ipc::Pipe pipe = ipc::Pipe::create();
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  Reader reader(pipe.read_end.get(), "in", kLines, kLongest);
  write_text(pipe, "a\nb");
  check(batch_of(reader) == Messages{"a"});
  write_text(pipe, "c\n");
  check(batch_of(reader) == Messages{"bc"});
}

TEST("what cannot be read is an error with the name of the input") {
  const ipc::Fd directory = ipc::open_file(".", O_RDONLY);
  Reader reader(directory.get(), "in", kLines, kLongest);
  check_equal(check_throws<ipc::Error>([&] { (void)reader.next(); }), "in: Is a directory");
}

TEST("going out, a message has its delimiter or its length") {
  check_equal(framed({"a", "", "b c"}, kLines), "a\n\nb c\n");
  check_equal(framed({"a", ""}, kNull), of_zero("a\0\0", 3));
  check_equal(framed({"hello", "", "a\nb"}, kCounted), "5\nhello0\n3\na\nb");
  check_equal(framed({std::string(1234567, 'x')}, kCounted).substr(0, 9), "1234567\nx");
}

TEST("a message that holds the delimiter is ambiguous, but not one with its length") {
  check(Framer(kLines).is_ambiguous("a\nb"));
  check(Framer(kLines).is_ambiguous("\n"));
  check(!Framer(kLines).is_ambiguous(of_zero("a\0b", 3)));
  check(Framer(kNull).is_ambiguous(of_zero("a\0b", 3)));
  check(!Framer(kLines).is_ambiguous(""));
  check(!Framer(kCounted).is_ambiguous("a\nb"));
}

TEST("what went out with its length comes in again, whatever it is") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const Messages messages = {all, "", "\n", of_zero("\0", 1), "7\n", std::string(70'000, '\n'), "x"};
  check(flat(framed(messages, kCounted), kCounted) == messages);
}
