#include "ipc/processors.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/cut.hpp"
#include "ipc/io.hpp"

namespace ipc {
namespace {

constexpr unsigned kUnlimited = std::numeric_limits<unsigned>::max();

/// sched_getaffinity() fails with EINVAL while the mask is smaller than the kernel's: grow until it fits.
unsigned affinity_count() {
  for (std::size_t bits = 1024; bits <= 1024 * 1024; bits *= 4) {
    std::vector<cpu_set_t> set(bits / (8 * sizeof(cpu_set_t)));
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (::sched_getaffinity(0, bytes, set.data()) == 0) {
      return static_cast<unsigned>(std::max(1, CPU_COUNT_S(bytes, set.data())));
    }
  }
  return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

unsigned whole_processors(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return kUnlimited;
  return static_cast<unsigned>(std::min<std::int64_t>((quota + period - 1) / period, kUnlimited));
}

/// cpu.max of v2: "QUOTA PERIOD" or "max PERIOD".
unsigned quota_v2(const std::string& directory) {
  const auto text = read_small_file((directory + "/cpu.max").c_str());
  long long quota = 0;
  long long period = 0;
  if (!text || std::sscanf(text->c_str(), "%lld %lld", &quota, &period) != 2) return kUnlimited;
  return whole_processors(quota, period);
}

unsigned quota_v1(const std::string& directory) {
  const auto quota = read_small_file((directory + "/cpu.cfs_quota_us").c_str());
  const auto period = read_small_file((directory + "/cpu.cfs_period_us").c_str());
  if (!quota || !period) return kUnlimited;
  return whole_processors(std::strtoll(quota->c_str(), nullptr, 10),
                          std::strtoll(period->c_str(), nullptr, 10));
}

/// The tightest quota of a group and all above it.
unsigned tightest(const std::string& mount, std::string path, unsigned (*quota)(const std::string&)) {
  unsigned least = kUnlimited;
  for (;;) {
    least = std::min(least, quota(mount + path));
    const auto slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return least;
    path.erase(slash);
  }
}

bool names_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    if (cut(controllers, ',') == "cpu") return true;
  }
  return false;
}

/// /proc/self/cgroup: a line "ID:CONTROLLERS:PATH" a hierarchy; v2 has no controllers there.
unsigned quota_of_groups() {
  const auto text = read_small_file("/proc/self/cgroup");
  if (!text) return kUnlimited;
  unsigned least = kUnlimited;
  std::string_view rest = *text;
  while (!rest.empty()) {
    std::string_view line = cut(rest, '\n');
    static_cast<void>(cut(line, ':'));
    const std::string_view controllers = cut(line, ':');
    if (line.empty()) continue;
    const std::string path(line == "/" ? "" : line);
    if (controllers.empty()) {
      least = std::min(least, tightest("/sys/fs/cgroup", path, quota_v2));
    } else if (names_cpu(controllers)) {
      least = std::min(least, tightest("/sys/fs/cgroup/cpu", path, quota_v1));
    }
  }
  return least;
}

}  // namespace

unsigned usable_processors() { return std::max(1U, std::min(affinity_count(), quota_of_groups())); }

}  // namespace ipc
