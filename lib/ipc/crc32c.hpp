#pragma once
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, as in iSCSI, RFC 3720 appendix B.4), by the processor's own instruction
/// where it has one. For finding damage, not forgery.

#include <cstdint>
#include <string_view>

namespace ipc {

/// The checksum of `bytes`; of what came before and `bytes` together when `before` is the checksum of that.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

/// The same without that instruction.
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t before = 0) noexcept;

}  // namespace ipc
