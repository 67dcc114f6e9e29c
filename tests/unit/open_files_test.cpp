#include "ipc/open_files.hpp"

#include <unistd.h>

#include "child.hpp"
#include "tap.hpp"

namespace {

/// In a child, which has these limits: what `test` returns.
template <class Test>
int with_limits(rlim_t soft, rlim_t hard, Test test) {
  return in_child([&] {
           const rlimit limits{soft, hard};
           if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) return 99;
           return test() ? 0 : 1;
         })
      .code;
}

rlim_t soft_limit() {
  rlimit limits{};
  ::getrlimit(RLIMIT_NOFILE, &limits);
  return limits.rlim_cur;
}

}  // namespace

TEST("enough: nothing changes") {
  check_equal(with_limits(200, 200,
                          [] {
                            const auto room = ipc::make_room_for(10, 3, 20);
                            return room.jobs == 10 && room.limit == 200 && !room.inherited &&
                                   soft_limit() == 200;
                          }),
              0);
}

TEST("too few: the soft limit is raised as far as is needed, and the old one is told") {
  check_equal(with_limits(50, 200,
                          [] {
                            const auto room = ipc::make_room_for(20, 3, 20);
                            return room.jobs == 20 && room.inherited && room.inherited->rlim_cur == 50 &&
                                   room.inherited->rlim_max == 200 && soft_limit() == room.limit &&
                                   room.limit >= 80 && room.limit < 200;
                          }),
              0);
}

TEST("more than the hard limit allows: fewer jobs, but never none") {
  check_equal(with_limits(50, 60,
                          [] {
                            const auto room = ipc::make_room_for(100, 3, 20);
                            return room.jobs >= 5 && room.jobs <= 13 && room.inherited && room.limit == 60;
                          }),
              0);
  check_equal(with_limits(20, 20, [] { return ipc::make_room_for(100, 3, 20).jobs == 1; }), 0);
}
