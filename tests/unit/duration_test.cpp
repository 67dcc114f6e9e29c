#include "ipc/duration.hpp"

#include <cstdint>

#include "ipc/error.hpp"
#include "tap.hpp"

using ipc::parse_duration;

TEST("units") {
  check_equal(parse_duration("5").count(), 5'000'000'000);
  check_equal(parse_duration("0").count(), 0);
  check_equal(parse_duration("250ms").count(), 250'000'000);
  check_equal(parse_duration("10s").count(), 10'000'000'000);
  check_equal(parse_duration("5m").count(), 300'000'000'000);
  check_equal(parse_duration("2h").count(), 7'200'000'000'000);
  check_equal(parse_duration("1d").count(), 86'400'000'000'000);
  check_equal(parse_duration("007s").count(), 7'000'000'000);
}

TEST("fractions") {
  check_equal(parse_duration("0.25").count(), 250'000'000);
  check_equal(parse_duration(".5").count(), 500'000'000);
  check_equal(parse_duration("5.").count(), 5'000'000'000);
  check_equal(parse_duration("1.5ms").count(), 1'500'000);
  check_equal(parse_duration("0.000000001").count(), 1);
  check_equal(parse_duration("1.000000001s").count(), 1'000'000'001);
  check_equal(parse_duration("0.5m").count(), 30'000'000'000);
  check_equal(parse_duration("1.25d").count(), 108'000'000'000'000);
  check_equal(parse_duration("0.123456789h").count(), 444'444'440'400);
}

TEST("digits below a nanosecond are dropped") {
  check_equal(parse_duration("0.0000000019").count(), 1);
  check_equal(parse_duration("0.0000000009").count(), 0);
  check_equal(parse_duration("0.0000019ms").count(), 1);
  check_equal(parse_duration("1." + std::string(5000, '9')).count(), 1'999'999'999);
}

TEST("what is no time is refused") {
  for (const char* text :
       {"",   ".",     "s",   "ms",   "abc", "-1",  "+1",  " 1",  "1 ",    "1 s", "1x", "1us",
        "1S", "1.5.5", "1e3", "0x10", "1,5", "inf", "nan", "1ss", "1h30m", ".s",  "1\n"}) {
    const std::string reason = check_throws<ipc::BadValue>([text] { (void)parse_duration(text); }, text);
    check_equal(reason, "not a time (5, 0.25, 250ms, 10s, 5m, 2h, 1d)", text);
  }
  check_throws<ipc::BadValue>([] { (void)parse_duration(std::string_view("1\0", 2)); });
}

TEST("what 63 bits cannot hold is refused") {
  check_equal(parse_duration("9223372036.854775807").count(), INT64_MAX);
  check_equal(parse_duration("106751d").count(), 106751LL * 86'400'000'000'000);
  for (const char* text :
       {"9223372036.854775808", "9223372037", "106752d", "99999999999999999999", "18446744073709551617",
        "2562048h", "9223372036854775807d", "18446744073709551616ms"}) {
    check_equal(check_throws<ipc::BadValue>([text] { (void)parse_duration(text); }, text), "too long a time",
                text);
  }
}

TEST("seconds_text rounds down to milliseconds") {
  check_equal(ipc::seconds_text(ipc::Duration(0)), "0.000");
  check_equal(ipc::seconds_text(ipc::Duration(999'999)), "0.000");
  check_equal(ipc::seconds_text(ipc::Duration(1'000'000)), "0.001");
  check_equal(ipc::seconds_text(ipc::Duration(61'999'999'999)), "61.999");
  check_equal(ipc::seconds_text(ipc::Duration(INT64_MAX)), "9223372036.854");
}

TEST("doubled, as often as is asked, and never beyond the longest there is") {
  using namespace std::chrono_literals;
  check(ipc::doubled(3s, 0) == 3s);
  check(ipc::doubled(3s, 4) == 48s);
  check(ipc::doubled(0s, 4000000000U) == 0s);
  check(ipc::doubled(1ns, 62) == ipc::Duration(std::int64_t{1} << 62));
  check(ipc::doubled(1ns, 63) == ipc::Duration::max());
  check(ipc::doubled(2ns, 62) == ipc::Duration::max());
}
