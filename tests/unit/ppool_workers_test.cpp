#include <algorithm>

#include "ipc/error.hpp"
#include "ipc/processors.hpp"
#include "tap.hpp"
#include "workers.hpp"

namespace {

unsigned resolved(std::string_view text) { return WorkerCount::parse(text).resolve(); }

}  // namespace

TEST("a number is that many, whatever the processors") {
  check_equal(resolved("1"), 1U);
  check_equal(resolved("17"), 17U);
  check_equal(resolved("65536"), 65536U);
  check_equal(WorkerCount::parse("1").value, 1U);
  check(WorkerCount::parse("1").kind == WorkerCount::Kind::exactly);
}

TEST("without a number: all processors") { check_equal(WorkerCount{}.resolve(), ipc::usable_processors()); }

TEST("+K, -K and N% are of the processors, and at least one") {
  const unsigned processors = ipc::usable_processors();
  check_equal(resolved("+3"), processors + 3);
  check_equal(resolved("-1"), std::max(1U, processors - 1));
  check_equal(resolved("-65536"), 1U);
  check_equal(resolved("100%"), processors);
  check_equal(resolved("250%"), processors * 250 / 100);
  check_equal(resolved("1%"), std::max(1U, processors / 100));
}

TEST("never more than there are slots") {
  check_equal(resolved("+65536"), WorkerCount::kMost);
  check(resolved("65536%") <= WorkerCount::kMost);
}

TEST("anything else is refused") {
  for (const char* text :
       {"",    "0",  "+0", "-0",   "0%",   "%",   "+",   "-",  "65537", "+65537",
        "1.5", "x",  "2x", "50%%", "+50%", "--1", "++1", " 1", "1 ",    "99999999999999999999",
        "1e2", "0x4"}) {
    const std::string reason = check_throws<ipc::BadValue>([text] { (void)WorkerCount::parse(text); }, text);
    check_equal(reason, "not a number of workers (N, +K, -K or N%, from 1 to 65536)", text);
  }
}
