#include "queue/packed_frame.hpp"

#include <array>
#include <cstdint>

namespace queue {
namespace {

constexpr unsigned kBits = 7;
constexpr std::size_t kMore = 1 << kBits;

constexpr std::size_t bytes_of_length(std::size_t length) noexcept {
  std::size_t count = 1;
  for (; length >= kMore; length >>= kBits) ++count;
  return count;
}

}  // namespace

bool append_to_frame(ipc::MessageBuffer& frame, std::string_view message, std::size_t limit) noexcept {
  const std::size_t room = limit - frame.size();
  const std::size_t head = bytes_of_length(message.size());
  if (head > room || message.size() > room - head) return false;
  std::array<char, 10> bytes{};
  std::size_t length = message.size();
  for (std::size_t i = 0; i < head; ++i, length >>= kBits)
    bytes[i] = static_cast<char>(i + 1 < head ? length % kMore + kMore : length);
  frame.append({bytes.data(), head});
  frame.append(message);
  return true;
}

std::size_t largest_in_frame(std::size_t limit) noexcept {
  std::size_t head = 1;
  while (bytes_of_length(limit - head) > head) ++head;
  return limit - head;
}

std::optional<std::string_view> take_from_frame(std::string_view& frame) noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < frame.size() && i < 9; ++i) {
    const auto byte = static_cast<unsigned char>(frame[i]);
    length |= std::uint64_t{byte % kMore} << (kBits * i);
    if (byte >= kMore) continue;
    const std::string_view rest = frame.substr(i + 1);
    if (length > rest.size()) return std::nullopt;
    frame = rest.substr(length);
    return rest.substr(0, length);
  }
  return std::nullopt;
}

}  // namespace queue
