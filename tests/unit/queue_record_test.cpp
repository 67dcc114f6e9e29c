#include <cstring>
#include <limits>
#include <string>

#include "queue/record.hpp"
#include "tap.hpp"

namespace {

using queue::BodyExtra;
using queue::cut_extra;
using queue::decode;
using queue::encode;
using queue::encode_extra;
using queue::kRecordHeader;
using queue::RecordHead;
using queue::RecordPlace;

constexpr RecordPlace kPlace{0x0123456789ABCDEF, 69632};

RecordHead sample() {
  RecordHead head;
  head.id = 0xFEDCBA9876543210;
  head.put_at = 1'790'000'000'123'456'000;
  head.length = 100;
  head.back = 4096;
  head.body_crc = 0xDEADBEEF;
  head.priority = 9;
  head.flags = queue::kDelayed | queue::kWantsAnswer | queue::kDeadLetter;
  return head;
}

std::string encoded(const RecordHead& head, RecordPlace place = kPlace) {
  std::string bytes(kRecordHeader, '?');
  encode(head, place, bytes.data());
  return bytes;
}

void check_same(const RecordHead& head, tap::Here at = tap::Here::current()) {
  const auto read = decode(encoded(head).data(), kPlace);
  if (!check(read.has_value(), "decoded", at)) return;
  check_equal(read->id, head.id, "id", at);
  check_equal(read->put_at, head.put_at / 1000 * 1000, "put_at", at);
  check_equal(read->length, head.length, "length", at);
  check_equal(read->back, head.back, "back", at);
  check_equal(read->body_crc, head.body_crc, "body_crc", at);
  check_equal(read->priority, head.priority, "priority", at);
  check_equal(read->flags, head.flags, "flags", at);
}

}  // namespace

TEST("what is encoded is decoded") {
  check_same(sample());
  RecordHead least;
  least.id = 1;
  check_same(least);
  RecordHead most = sample();
  most.id = std::numeric_limits<std::uint64_t>::max();
  most.length = most.back = most.body_crc = 0xFFFFFFFF;
  most.flags = 0xFF;
  most.put_at = 4'000'000'000'000'000'000;  // the year 2096
  check_same(most);
  for (std::uint8_t priority = 0; priority < queue::kPriorities; ++priority) {
    RecordHead head = sample();
    head.priority = priority;
    check_same(head);
  }
}

TEST("a record's time is kept to the microsecond") {
  RecordHead head = sample();
  head.put_at += 999;
  const auto read = decode(encoded(head).data(), kPlace);
  require(read.has_value());
  check_equal(read->put_at, sample().put_at);
}

TEST("a flipped bit at any place of the header is refused") {
  const std::string good = encoded(sample());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    check(!decode(bad.data(), kPlace), "bit " + std::to_string(bit));
  }
}

TEST("a header that belongs elsewhere is refused") {
  const std::string good = encoded(sample());
  check(!decode(good.data(), {kPlace.salt + 1, kPlace.offset}));
  check(!decode(good.data(), {kPlace.salt ^ std::uint64_t{1} << 63, kPlace.offset}));
  check(!decode(good.data(), {0, 0}));
  for (unsigned bit = 0; bit < 32; ++bit) {
    check(!decode(good.data(), {kPlace.salt, kPlace.offset ^ 1U << bit}));
  }
}

TEST("zeros and what has no id are no header") {
  check(!decode(std::string(kRecordHeader, '\0').data(), kPlace));
  check(!decode(std::string(kRecordHeader, '\0').data(), {0, 0}));
  check(!decode(std::string(kRecordHeader, '\xFF').data(), kPlace));
  RecordHead head = sample();
  head.id = 0;
  check(!decode(encoded(head).data(), kPlace));
}

TEST("a priority that there is not is refused") {
  RecordHead head = sample();
  for (std::uint8_t priority = queue::kPriorities; priority < 16; ++priority) {
    head.priority = priority;
    check(!decode(encoded(head).data(), kPlace));
  }
}

TEST("a record takes up its header and its body, up to a multiple of 8") {
  RecordHead head;
  for (const auto& [length, size] : {std::pair(0U, 32U), {1U, 40U}, {8U, 40U}, {9U, 48U}, {31U, 64U}}) {
    head.length = length;
    check_equal(head.size(), size);
  }
  head.length = 0xFFFFFFFF;
  check_equal(head.size(), std::uint64_t{0x100000000} + 32);
}

TEST("what goes before the message is cut off again, as the flags say") {
  BodyExtra extra;
  extra.due = 1'790'000'000'123'456'789;
  extra.death = {137, 4, "the end\nof stderr"};
  for (std::uint8_t flags = 0; flags < 8; ++flags) {
    for (const char* message : {"", "the message"}) {
      const std::string bytes = encode_extra(flags, extra) + message;
      std::string_view body = bytes;
      const auto read = cut_extra(flags, body);
      require(read.has_value());
      check_equal(body, message);
      if ((flags & queue::kDelayed) != 0) check_equal(read->due, extra.due);
      if ((flags & queue::kDeadLetter) == 0) continue;
      check_equal(read->death.status, 137);
      check_equal(read->death.attempts, 4U);
      check_equal(read->death.error, "the end\nof stderr");
    }
  }
}

TEST("a body that is too short for its flags is refused, at every length") {
  BodyExtra extra;
  extra.death.error = "why";
  for (const std::uint8_t flags : {queue::kDelayed, queue::kDeadLetter}) {
    const std::string bytes = encode_extra(flags, extra);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      // Its own memory, so that reading on is found.
      const std::string part = bytes.substr(0, length);
      std::string_view body = part;
      check(!cut_extra(flags, body), std::to_string(length));
    }
  }
}

TEST("an error text that claims to be longer than the body is refused") {
  std::string bytes = encode_extra(queue::kDeadLetter, {});
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  std::memcpy(bytes.data() + bytes.size() - sizeof huge, &huge, sizeof huge);
  bytes += "message";
  std::string_view body = bytes;
  check(!cut_extra(queue::kDeadLetter, body));
}
