#include "age.hpp"

#include <algorithm>
#include <ctime>

#include "ipc/duration.hpp"

std::string age_text(std::int64_t then) {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  const std::int64_t now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  return ipc::seconds_text(ipc::Duration(std::max<std::int64_t>(now - then, 0)));
}
