#include <vector>

#include "queue/packed_frame.hpp"
#include "tap.hpp"

namespace {

using queue::append_to_frame;
using queue::take_from_frame;

constexpr std::size_t kLimit = 8192;

/// All messages of a frame, until one is none.
std::vector<std::string> messages_in(std::string_view frame) {
  std::vector<std::string> messages;
  while (!frame.empty()) {
    const auto message = take_from_frame(frame);
    if (!message) {
      messages.emplace_back("(bad)");
      break;
    }
    messages.emplace_back(*message);
  }
  return messages;
}

}  // namespace

TEST("what goes into a frame comes out of it, whatever it is") {
  const std::vector<std::string> all{"one",
                                     "",
                                     std::string("a\0b\n", 4),
                                     std::string(127, 'x'),
                                     std::string(128, 'y'),
                                     "",
                                     std::string(129, '\xFF'),
                                     std::string(5000, 'z')};
  ipc::MessageBuffer frame(kLimit);
  for (const auto& message : all) check(append_to_frame(frame, message, kLimit));
  check(messages_in(frame.text()) == all);
}

TEST("a frame never grows past its limit, and what has no room leaves it as it was") {
  ipc::MessageBuffer frame(kLimit);
  check(append_to_frame(frame, "1234", 10));
  check(!append_to_frame(frame, "12345", 10));
  check_equal(frame.size(), 5U);
  check(append_to_frame(frame, "1234", 10), "to the last byte");
  check(!append_to_frame(frame, "", 10));
  check(messages_in(frame.text()) == std::vector<std::string>{"1234", "1234"});
}

TEST("the largest message fits alone, and one byte more does not") {
  for (const std::size_t limit :
       {1U, 2U, 127U, 128U, 129U, 130U, 131U, 8192U, 16384U, 16386U, 16387U, 65536U}) {
    const std::size_t largest = queue::largest_in_frame(limit);
    ipc::MessageBuffer frame(limit);
    check(append_to_frame(frame, std::string(largest, 'x'), limit), std::to_string(limit));
    frame.clear();
    check(!append_to_frame(frame, std::string(largest + 1, 'x'), limit), std::to_string(limit));
  }
}

TEST("what is no frame is told, and never read past") {
  using namespace std::string_view_literals;
  for (const auto bytes : {"\x05"
                           "four"sv,
                           "\x80"sv, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"sv,
                           "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7Fxyz"sv, "\x01"sv}) {
    std::string_view frame = bytes;
    check(!take_from_frame(frame).has_value());
  }
  std::string_view frame =
      "\x02"
      "ok\x09rest"sv;
  check(take_from_frame(frame) == "ok");
  check(!take_from_frame(frame).has_value());
}
