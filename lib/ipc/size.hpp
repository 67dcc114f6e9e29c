#pragma once
/// Numbers as the user writes them: byte sizes with K M G T (1024), plain counts, and bytes with escapes.

#include <cstdint>
#include <string>
#include <string_view>

namespace ipc {

/// Digits with an optional K, M, G or T. Throws BadValue, also on overflow.
[[nodiscard]] std::uint64_t parse_size(std::string_view text);

/// Digits alone, from `least` to `most`. Throws BadValue that names the limits.
[[nodiscard]] std::uint64_t parse_count(std::string_view text, std::uint64_t least, std::uint64_t most);

/// Resolves \t \n \r \0 \\ and \xHH. Throws BadValue on an empty text and on other escapes.
[[nodiscard]] std::string parse_bytes(std::string_view text);

}  // namespace ipc
