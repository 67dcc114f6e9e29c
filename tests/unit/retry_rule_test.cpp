#include "queue/retry_rule.hpp"

#include "tap.hpp"

using namespace std::chrono_literals;
using queue::RetryRule;

TEST("after the retries there is no other try") {
  const RetryRule rule(3, 0ns, true);
  for (unsigned attempt = 1; attempt <= 3; ++attempt) check(!rule.is_last(attempt));
  check(rule.is_last(4));
  check(rule.is_last(5));
  check(RetryRule(0, 0ns, true).is_last(1));
}

TEST("in a queue of dead letters there is always another") {
  const RetryRule rule(0, 0ns, false);
  check(!rule.is_last(1));
  check(!rule.is_last(1000000));
}

TEST("after a try a message waits for the backoff, after each further one twice as long") {
  const RetryRule rule(20, 250ms, true);
  check(rule.delay_after(1) == 250ms);
  check(rule.delay_after(2) == 500ms);
  check(rule.delay_after(3) == 1s);
  check(rule.delay_after(13) == 1024s);
}

TEST("without a backoff it does not wait, however often it was tried") {
  const RetryRule rule(4000000000U, 0ns, true);
  check(rule.delay_after(1) == 0ns);
  check(rule.delay_after(1000) == 0ns);
}

TEST("no number of tries makes the wait negative or short") {
  check(RetryRule(0, 1ns, true).delay_after(100) == ipc::Duration::max());
  check(RetryRule(0, 1h, true).delay_after(4294967295U) == ipc::Duration::max());
  check(RetryRule(0, 1s, true).delay_after(0) == 1s);
}

TEST("what fails for ever is not tried without a pause") {
  const RetryRule rule(2, 0ns, false);
  check(rule.delay_after(2) == 0ns);
  check(rule.delay_after(3) == 1s);
  check(rule.delay_after(5) == 4s);
  check(rule.delay_after(1000) == 1h);
  check(RetryRule(0, 2h, false).delay_after(1) == 2h);
}

TEST("the names of queues of dead letters") {
  check_equal(queue::dead_name("q"), "q.dead");
  check_equal(queue::dead_name("q.queue"), "q.queue.dead");
  check_equal(queue::dead_name("./dir/q"), "./dir/q.dead");
  check_equal(queue::dead_name("./dir/q.queue"), "./dir/q.dead.queue");
}

TEST("one message, and several") {
  check_equal(queue::dead_summary(1, "q"), "1 message went to q.dead");
  check_equal(queue::dead_summary(2, "q"), "2 messages went to q.dead");
}
