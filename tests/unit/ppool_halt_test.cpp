#include "halt.hpp"
#include "ipc/error.hpp"
#include "tap.hpp"

using When = HaltRule::When;
using What = HaltRule::What;

TEST("the parts of a rule") {
  const HaltRule rule = HaltRule::parse("now,fail=1");
  check(rule.when == When::now && rule.what == What::fail && rule.threshold == 1 && !rule.percent);
  const HaltRule other = HaltRule::parse("soon,success=20%");
  check(other.when == When::soon && other.what == What::success && other.threshold == 20 && other.percent);
  check(HaltRule::parse("now,done=18446744073709551615").threshold == UINT64_MAX);
  check_equal(HaltRule::parse("soon,done=100%").threshold, 100U);
}

TEST("anything else is refused") {
  for (const char* text : {"",
                           "now",
                           "now,fail",
                           "fail=1",
                           "never,fail=1",
                           "now,fails=1",
                           "now,fail=",
                           "now,fail=0",
                           "now,fail=0%",
                           "now,fail=101%",
                           "now,fail=%",
                           "now,fail=-1",
                           "now,fail=1.5",
                           "now,fail=1%%",
                           "Now,fail=1",
                           "now, fail=1",
                           "now,fail=1,",
                           "now=1,fail",
                           ",=",
                           "now,=1",
                           ",fail=1",
                           "now,fail=1=2",
                           "now,soon,fail=1",
                           "now,fail=18446744073709551616"}) {
    check_throws<ipc::BadValue>([text] { (void)HaltRule::parse(text); }, text);
  }
}

TEST("numbers are reached, and stay reached") {
  const HaltRule fail = HaltRule::parse("now,fail=2");
  check(!fail.reached(0, 0, true));
  check(!fail.reached(100, 1, true));
  check(fail.reached(0, 2, false));
  check(fail.reached(5, 3, false));
  const HaltRule success = HaltRule::parse("now,success=2");
  check(!success.reached(1, 50, true));
  check(success.reached(2, 0, false));
  const HaltRule done = HaltRule::parse("now,done=2");
  check(!done.reached(1, 0, true));
  check(done.reached(1, 1, false));
  check(done.reached(0, 2, false));
}

TEST("percentages are of the finished, from the tenth on or at the end") {
  const HaltRule rule = HaltRule::parse("soon,fail=50%");
  check(!rule.reached(0, 9, false));
  check(rule.reached(0, 9, true));
  check(rule.reached(5, 5, false));
  check(!rule.reached(6, 5, false));
  check(rule.reached(1, 1, true));
  check(!rule.reached(0, 0, true), "of nothing");
  check(HaltRule::parse("soon,done=100%").reached(10, 0, false));
  check(!HaltRule::parse("soon,success=100%").reached(10, 1, false));
  const HaltRule third = HaltRule::parse("soon,fail=34%");
  check(!third.reached(8, 4, false), "33.3 %");
  check(third.reached(9, 5, false), "35.7 %");
}

TEST("no rule is never reached") { check(!HaltRule{}.reached(1000, 1000, true)); }

TEST("the condition as it is told") {
  for (const char* text : {"fail=3", "success=50%", "done=1"}) {
    check_equal(HaltRule::parse("now," + std::string(text)).condition(), text);
  }
}
