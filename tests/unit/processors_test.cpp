#include "ipc/processors.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

constexpr int kCannot = 98;

cpu_set_t own_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  return set;
}

using Files = std::vector<std::pair<std::string, std::string>>;

/// usable_processors() in a mount namespace with these files below /sys/fs/cgroup and this /proc/self/cgroup.
int count_with(const std::string& own_groups, const Files& files) {
  const Scratch scratch;
  const std::string groups = scratch.file("groups", own_groups);
  return in_child([&] {
           const int user = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
           if (::unshare(CLONE_NEWNS | user) != 0) return kCannot;
           if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return kCannot;
           if (::mount("none", "/sys/fs/cgroup", "tmpfs", 0, "size=1m") != 0) return kCannot;
           for (const auto& [name, text] : files) {
             const std::string path = "/sys/fs/cgroup/" + name;
             std::filesystem::create_directories(std::filesystem::path(path).parent_path());
             std::ofstream(path) << text;
           }
           if (::mount(groups.c_str(), "/proc/self/cgroup", nullptr, MS_BIND, nullptr) != 0) return kCannot;
           return static_cast<int>(ipc::usable_processors());
         })
      .code;
}

void check_count(const std::string& own_groups, const Files& files, unsigned expected, const char* what,
                 tap::Here at = tap::Here::current()) {
  const int count = count_with(own_groups, files);
  if (count == kCannot) skip("needs a mount namespace");
  check_equal(count, expected, what, at);
}

unsigned all_processors() {
  const cpu_set_t set = own_processors();
  return static_cast<unsigned>(CPU_COUNT(&set));
}

}  // namespace

TEST("at least one, at most those of the affinity mask") {
  check(ipc::usable_processors() >= 1);
  check(ipc::usable_processors() <= all_processors());
}

TEST("a narrower affinity mask means fewer") {
  if (all_processors() < 2) skip("one processor");
  const cpu_set_t all = own_processors();
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  const auto ending = in_child([first] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ::sched_setaffinity(0, sizeof one, &one);
    return static_cast<int>(ipc::usable_processors());
  });
  check_equal(ending.code, 1);
}

TEST("quotas of control groups v2 are rounded up, and max is none") {
  if (all_processors() < 2) skip("one processor");
  const unsigned all = all_processors();
  const std::string v2 = "0::/a/b\n";
  check_count(v2, {}, all, "no files");
  check_count(v2, {{"a/b/cpu.max", "max 100000\n"}}, all, "max");
  check_count(v2, {{"a/b/cpu.max", "100000 100000\n"}}, 1, "one");
  check_count(v2, {{"a/b/cpu.max", "1000 100000\n"}}, 1, "a hundredth");
  check_count(v2, {{"a/b/cpu.max", "150000 100000\n"}}, 2, "one and a half");
  check_count(v2, {{"a/b/cpu.max", "10000000 100000\n"}}, all, "more than there are");
  check_count(v2, {{"a/b/cpu.max", "0 0\n"}}, all, "nonsense");
  check_count(v2, {{"a/b/cpu.max", ""}}, all, "empty");
}

TEST("the tightest quota on the way up counts") {
  if (all_processors() < 2) skip("one processor");
  check_count("0::/a/b\n", {{"a/b/cpu.max", "max 100000"}, {"a/cpu.max", "50000 100000"}}, 1, "the parent's");
  check_count("0::/a/b\n", {{"a/b/cpu.max", "50000 100000"}, {"a/cpu.max", "max 100000"}}, 1, "its own");
  check_count("0::/\n", {{"cpu.max", "50000 100000"}}, 1, "the root's, as a container sees it");
  check_count("0::/a\n", {{"b/cpu.max", "50000 100000"}}, all_processors(), "not a stranger's");
}

TEST("quotas of control groups v1") {
  if (all_processors() < 2) skip("one processor");
  const std::string v1 = "12:memory:/m\n5:cpu,cpuacct:/x\n3:cpuset:/y\n1:name=systemd:/z\n";
  check_count(v1, {{"cpu/x/cpu.cfs_quota_us", "100000"}, {"cpu/x/cpu.cfs_period_us", "100000"}}, 1, "one");
  check_count(v1, {{"cpu/x/cpu.cfs_quota_us", "-1"}, {"cpu/x/cpu.cfs_period_us", "100000"}}, all_processors(),
              "none");
  check_count(v1, {{"cpu/cpu.cfs_quota_us", "20000"}, {"cpu/cpu.cfs_period_us", "100000"}}, 1, "the root's");
  check_count(v1, {{"cpu/y/cpu.cfs_quota_us", "20000"}, {"cpu/y/cpu.cfs_period_us", "100000"}},
              all_processors(), "not of another controller");
}

TEST("lines that make no sense are passed over") {
  if (all_processors() < 2) skip("one processor");
  check_count("", {}, all_processors(), "empty");
  check_count("garbage\n:\n::\n0:\n", {}, all_processors(), "garbage");
  check_count("x\n0::/a", {{"a/cpu.max", "50000 100000"}}, 1, "and the others are read");
}
