#include "ipc/crc32c.hpp"

#include <cstddef>
#include <string>

#include "tap.hpp"

namespace {

using ipc::crc32c;
using ipc::crc32c_by_table;

/// Bit by bit, as RFC 3720 has it.
std::uint32_t plainly(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

std::string pattern(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 37 + i / 11 + 200);
  return bytes;
}

}  // namespace

TEST("the examples of RFC 3720, B.4") {
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  const std::string down(up.rbegin(), up.rend());
  constexpr unsigned char kRead[48] = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                                       0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                       0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  const std::string_view read(reinterpret_cast<const char*>(kRead), sizeof kRead);
  for (auto* const crc : {crc32c, crc32c_by_table}) {
    check_equal(crc(std::string(32, '\0'), 0), 0x8A9136AAU);
    check_equal(crc(std::string(32, '\xFF'), 0), 0x62A8AB43U);
    check_equal(crc(up, 0), 0x46DD794EU);
    check_equal(crc(down, 0), 0x113FDB5CU);
    check_equal(crc(read, 0), 0xD9963A56U);
    check_equal(crc("123456789", 0), 0xE3069283U);
  }
}

TEST("of no bytes it is 0, and adds nothing") {
  check_equal(crc32c(""), 0U);
  check_equal(crc32c_by_table(""), 0U);
  check_equal(crc32c("", 0x12345678), 0x12345678U);
  check_equal(crc32c_by_table("", 0x12345678), 0x12345678U);
}

TEST("the instruction and the table agree for every length and offset") {
  const std::string all = pattern(120);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    for (std::size_t length = 0; length <= 100; ++length) {
      const std::string_view part(all.data() + offset, length);
      const std::uint32_t expected = plainly(part);
      if (crc32c(part) != expected || crc32c_by_table(part) != expected) {
        check(false, std::to_string(length) + " bytes at " + std::to_string(offset));
      }
    }
  }
  check_equal(crc32c(pattern(100000)), plainly(pattern(100000)));
  check_equal(crc32c_by_table(pattern(100000)), plainly(pattern(100000)));
}

TEST("what comes in parts has the checksum of the whole") {
  const std::string all = pattern(100);
  const std::uint32_t whole = crc32c(all);
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    const std::string_view first(all.data(), cut);
    const std::string_view second(all.data() + cut, all.size() - cut);
    check_equal(crc32c(second, crc32c(first)), whole);
    check_equal(crc32c_by_table(second, crc32c_by_table(first)), whole);
    check_equal(crc32c_by_table(second, crc32c(first)), whole);
  }
}

TEST("each bit counts") {
  std::string bytes = pattern(40);
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<char>(1U << bit % 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
    check(crc32c(bytes) != whole);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ mask);
  }
}
