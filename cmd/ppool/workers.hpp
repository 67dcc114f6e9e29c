#pragma once
/// How many jobs may run at a time.

#include <cstdint>
#include <string_view>

struct WorkerCount {
  enum class Kind { all, exactly, more, fewer, percent };
  Kind kind = Kind::all;
  std::uint64_t value = 0;

  /// As many as a Guard has slots for.
  static constexpr unsigned kMost = 65536;

  /// N, +K, -K or N%. Throws BadValue.
  [[nodiscard]] static WorkerCount parse(std::string_view text);
  /// From 1 to kMost; asks for the processors only where the answer needs them.
  [[nodiscard]] unsigned resolve() const;
};
