#include "tally.hpp"
#include "tap.hpp"

namespace {

JobResult ended(int code, int signal = 0, bool timed_out = false) {
  JobResult result;
  result.ending = {code, signal};
  result.timed_out = timed_out;
  return result;
}

Tally of(std::initializer_list<JobResult> results) {
  Tally tally;
  for (const JobResult& result : results) tally.count(result);
  return tally;
}

}  // namespace

TEST("what success is") {
  check(ended(0).success());
  check(!ended(1).success());
  check(!ended(0, 9).success());
  check(!ended(0, 0, true).success(), "a time-out, however it ended");
  JobResult by_pool = ended(0);
  by_pool.ended_by_pool = true;
  check(!by_pool.success());
}

TEST("all went well, or nothing happened") {
  for (const Tally& tally : {Tally{}, of({ended(0), ended(0)})}) {
    for (const ExitRule rule : {ExitRule::summary, ExitRule::first, ExitRule::count})
      check_equal(tally.exit_status(rule), 0);
  }
  check_equal(of({ended(0), ended(0)}).finished(), 2U);
}

TEST("a failure is 1, whatever its own status") {
  check_equal(of({ended(0), ended(7)}).exit_status(ExitRule::summary), 1);
  check_equal(of({ended(124)}).exit_status(ExitRule::summary), 1, "124 of its own is no time-out");
  check_equal(of({ended(0, 9)}).exit_status(ExitRule::summary), 1);
}

TEST("124 when the failures were all time-outs") {
  check_equal(of({ended(0, 15, true)}).exit_status(ExitRule::summary), 124);
  check_equal(of({ended(0), ended(0, 15, true), ended(0, 9, true)}).exit_status(ExitRule::summary), 124);
  check_equal(of({ended(0, 15, true), ended(1)}).exit_status(ExitRule::summary), 1);
}

TEST("--exit first: the status of the job that failed first") {
  check_equal(of({ended(0), ended(7), ended(9)}).exit_status(ExitRule::first), 7);
  check_equal(of({ended(0, 9), ended(7)}).exit_status(ExitRule::first), 137);
  check_equal(of({ended(0, 15, true), ended(7)}).exit_status(ExitRule::first), 124);
  check_equal(of({ended(255)}).exit_status(ExitRule::first), 255);
}

TEST("--exit count: how many failed, 101 for more than 100") {
  Tally tally;
  for (int failed = 1; failed <= 300; ++failed) {
    tally.count(ended(0));
    tally.count(ended(3));
    check_equal(tally.exit_status(ExitRule::count), failed <= 100 ? failed : 101);
  }
}

TEST("the summary") {
  check_equal(of({ended(0), ended(1), ended(0)}).summary(), "1 of 3 jobs failed");
  check_equal(of({ended(1), ended(0, 15, true), ended(0, 15, true)}).summary(),
              "3 of 3 jobs failed, 2 timed out");
}
