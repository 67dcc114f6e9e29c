#pragma once
/// Checking a queue: every checksum, link and counter.

#include <string>
#include <vector>

#include "queue/store.hpp"

namespace queue {

/// Inside a Section; changes nothing. A line for each finding, none when all is sound.
[[nodiscard]] std::vector<std::string> verify(Store& store);

}  // namespace queue
