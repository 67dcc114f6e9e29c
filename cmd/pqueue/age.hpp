#pragma once
/// How long ago something was, by the clock on the wall.

#include <cstdint>
#include <string>

/// Seconds with three decimals since `then`, in nanoseconds since the epoch; 0.000 for what is to come.
[[nodiscard]] std::string age_text(std::int64_t then);
