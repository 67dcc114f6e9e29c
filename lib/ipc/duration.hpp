#pragma once
/// Spans of time as the user writes them: 5, 0.25, 250ms, 10s, 5m, 2h, 1d.

#include <chrono>
#include <string>
#include <string_view>

namespace ipc {

using Duration = std::chrono::nanoseconds;

/// Decimal digits with an optional fraction and an optional unit (ms, s, m, h, d; seconds without one).
/// Digits below a nanosecond are dropped. Throws BadValue on anything else and on what 63 bits cannot hold.
[[nodiscard]] Duration parse_duration(std::string_view text);

/// `span` doubled `times` times, or the longest there is.
[[nodiscard]] Duration doubled(Duration span, unsigned times) noexcept;

/// "S.mmm": seconds with three decimals, rounded down.
[[nodiscard]] std::string seconds_text(Duration span);

}  // namespace ipc
