#include "ipc/hash.hpp"

#include <bit>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace ipc {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void rounds(int count) noexcept {
    while (count-- > 0) round();
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
};

std::uint64_t little_endian(const char* bytes, std::size_t count) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

}  // namespace

Hash128 hash128(std::string_view bytes) noexcept {
  State s{0x736f6d6570736575U, 0x646f72616e646f6dU ^ 0xeeU, 0x6c7967656e657261U, 0x7465646279746573U};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) s.absorb(little_endian(bytes.data() + at, 8));
  s.absorb(little_endian(bytes.data() + at, bytes.size() - at) | std::uint64_t{bytes.size()} << 56);
  s.v2 ^= 0xeeU;
  s.rounds(4);
  const std::uint64_t first = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
  s.v1 ^= 0xddU;
  s.rounds(4);
  return {first, s.v0 ^ s.v1 ^ s.v2 ^ s.v3};
}

std::string to_hex(Hash128 hash) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return text;
}

bool from_hex(std::string_view text, Hash128& hash) {
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  const char* begin = text.data();
  std::from_chars(begin, begin + 16, hash.high, 16);
  std::from_chars(begin + 16, begin + 32, hash.low, 16);
  return true;
}

}  // namespace ipc
