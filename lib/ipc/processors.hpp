#pragma once
/// How many processors this process may use.

namespace ipc {

/// The processors in its affinity mask, or the CPU quota of its control group (v2 or v1, the tightest on the
/// way up, rounded up) when that is less; at least 1.
[[nodiscard]] unsigned usable_processors();

}  // namespace ipc
