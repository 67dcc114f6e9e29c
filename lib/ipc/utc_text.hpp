#pragma once
/// Points in time for people and for JSON: ISO 8601, in UTC, which is the same on every machine and in every season.

#include <cstdint>
#include <string>

namespace ipc {

/// "2026-11-21T21:40:07Z" from seconds since the epoch; empty for what is before it or after the year 9999.
[[nodiscard]] std::string utc_text(std::int64_t since);

}  // namespace ipc
