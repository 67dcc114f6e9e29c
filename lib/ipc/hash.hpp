#pragma once
/// A 128-bit hash of byte strings: SipHash-2-4 with 128-bit output and a zero key
/// (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012, and its 128-bit variant).
/// For identity over time and machines: the value of the same input never changes.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ipc {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};

[[nodiscard]] Hash128 hash128(std::string_view bytes) noexcept;

/// 32 lower-case hexadecimal digits, and back. from_hex returns false when `text` is anything else.
[[nodiscard]] std::string to_hex(Hash128 hash);
[[nodiscard]] bool from_hex(std::string_view text, Hash128& hash);

}  // namespace ipc
