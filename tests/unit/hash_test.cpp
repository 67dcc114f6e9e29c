#include "ipc/hash.hpp"

#include <set>

#include "tap.hpp"

using ipc::hash128;
using ipc::Hash128;
using ipc::to_hex;

/// SipHash-2-4 with 128-bit output and a key of 16 zero bytes, as two little-endian words. Made by an implementation
/// of the paper in Python that gives the first vectors of the reference implementation (vectors.h, key 00 01 .. 0f:
/// a3817f04ba25a8e66df67214c7550293 for the empty input), and the same as
///   openssl mac -macopt hexkey:00000000000000000000000000000000 -macopt size:16 SIPHASH
/// which prints each word's bytes the other way round.
TEST("known answers") {
  std::string ascending;
  for (int i = 0; i < 64; ++i) ascending += static_cast<char>(i);
  check_equal(to_hex(hash128("")), "7de0a38047d74950f4f2ced447ab0242");
  check_equal(to_hex(hash128("a")), "bea0379c744eccff2573cd0e8904c4e6");
  check_equal(to_hex(hash128(std::string(7, '\0'))), "6363b6b4fd7133ee06bde071f8fe5e5a");
  check_equal(to_hex(hash128(std::string(8, '\0'))), "87cbbd3a05d97ba3716d4466c5927c5f");
  check_equal(to_hex(hash128(ascending.substr(0, 15))), "12250f9c7a53b89f5e95c04902ea8483");
  check_equal(to_hex(hash128(ascending)), "46c70a6c6791f8b9e21954f7fe6c6611");
  check_equal(to_hex(hash128("The quick brown fox jumps over the lazy dog")),
              "257fc576e85c8cdfb21a59dfb51b3fc0");
  check_equal(to_hex(hash128(std::string(1000, '\xff'))), "d63937c4a7d9670c967d043b665a0c4c");
}

TEST("every length, and every bit, matters") {
  std::set<Hash128> seen;
  for (std::size_t length = 0; length < 600; ++length) seen.insert(hash128(std::string(length, '\0')));
  check_equal(seen.size(), 600U);
  const std::string text(19, 'x');
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string other = text;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    seen.insert(hash128(other));
  }
  check_equal(seen.size(), 600U + text.size() * 8);
}

TEST("the address of the bytes does not matter") {
  const std::string text = "0123456789abcdefghijklm";
  const Hash128 expected = hash128(text);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const std::string moved = std::string(shift, '-') + text;
    check(hash128(std::string_view(moved).substr(shift)) == expected);
  }
}

TEST("hexadecimal and back") {
  const Hash128 hash{0x0123456789abcdefU, 0xfedcba9876543210U};
  check_equal(to_hex(hash), "0123456789abcdeffedcba9876543210");
  check_equal(to_hex({}), std::string(32, '0'));
  Hash128 back;
  check(ipc::from_hex(to_hex(hash), back));
  check(back == hash);
}

TEST("what is not 32 lower-case digits is refused") {
  const std::string good = "0123456789abcdeffedcba9876543210";
  Hash128 hash;
  check(!ipc::from_hex("", hash));
  check(!ipc::from_hex(good.substr(1), hash));
  check(!ipc::from_hex(good + "0", hash));
  for (std::size_t at : {0U, 15U, 16U, 31U}) {
    for (const char wrong : {'g', ' ', '-', '+', 'x', '\0', ':', 'A', 'F'}) {
      std::string text = good;
      text[at] = wrong;
      check(!ipc::from_hex(text, hash), text);
    }
  }
}
