#pragma once
/// Building the tables of a queue anew from its segments: after a reboot, in a copy, or when they are damaged.

#include <functional>
#include <string>

#include "queue/store.hpp"

namespace queue {

/// Inside a Section of tables that are not trusted. `tell` hears of damage that cost messages. Whoever is killed in it
/// leaves the tables as they were: not to be trusted. Throws ipc::Error.
void rebuild(Store& store, const std::function<void(const std::string&)>& tell);

}  // namespace queue
