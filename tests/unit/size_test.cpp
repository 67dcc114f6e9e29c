#include "ipc/size.hpp"

#include <cstdint>

#include "ipc/error.hpp"
#include "tap.hpp"

using ipc::BadValue;
using std::string_view_literals::operator""sv;

TEST("sizes are bytes, or 1024 of the unit below") {
  check_equal(ipc::parse_size("0"), 0U);
  check_equal(ipc::parse_size("1000"), 1000U);
  check_equal(ipc::parse_size("64K"), 65536U);
  check_equal(ipc::parse_size("1M"), 1048576U);
  check_equal(ipc::parse_size("3G"), 3221225472U);
  check_equal(ipc::parse_size("2T"), 2199023255552U);
  check_equal(ipc::parse_size("007"), 7U);
  check_equal(ipc::parse_size("9223372036854775807"), 9223372036854775807U);
  check_equal(ipc::parse_size("8388607T"), 8388607ULL << 40);
}

TEST("what is no size is refused") {
  for (const char* text : {"", "K", "1k", "1KB", "1KiB", "1B", "-1", "+1", " 1", "1 ", "1.5K", "0x10", "1e3",
                           "K1", "1KK", "1P"}) {
    check_throws<BadValue>([text] { (void)ipc::parse_size(text); }, text);
  }
  check_throws<BadValue>([] { (void)ipc::parse_size("1\0"sv); });
}

TEST("sizes that no file can have are refused") {
  for (const char* text : {"9223372036854775808", "18446744073709551615", "18446744073709551616", "8388608T",
                           "16777216T", "16777217T", "18014398509481984K", "99999999999999999999999"}) {
    check_throws<BadValue>([text] { (void)ipc::parse_size(text); }, text);
  }
}

TEST("counts lie within their limits, which the refusal names") {
  check_equal(ipc::parse_count("1", 1, 10), 1U);
  check_equal(ipc::parse_count("10", 1, 10), 10U);
  check_equal(ipc::parse_count("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
  for (const char* text :
       {"0", "11", "", "-1", "+1", "1.0", " 1", "1 ", "1K", "0x1", "one", "18446744073709551617"}) {
    const std::string reason = check_throws<BadValue>([text] { (void)ipc::parse_count(text, 1, 10); }, text);
    check_equal(reason, "not a number from 1 to 10", text);
  }
}

TEST("bytes with escapes") {
  check_equal(ipc::parse_bytes(","), ",");
  check_equal(ipc::parse_bytes("ab"), "ab");
  check_equal(ipc::parse_bytes(R"(\t\n\r\0\\)"), "\t\n\r\0\\"sv);
  check_equal(ipc::parse_bytes(R"(\x00\x41\xfF)"), "\0A\xff"sv);
  check_equal(ipc::parse_bytes(R"(a\x2Cb)"), "a,b");
  check_equal(ipc::parse_bytes("\\"), "\\", "a backslash alone");
  check_equal(ipc::parse_bytes("\n"), "\n");
  check_equal(ipc::parse_bytes(R"(\012)"), "\00012"sv, "not octal");
}

TEST("wrong escapes are refused") {
  for (const char* text : {"", R"(\q)", R"(a\)", R"(\\\)", R"(\x)", R"(\x4)", R"(\x4g)", R"(\xg4)", R"(\x-1)",
                           R"(\x+1)", R"(\x 1)", R"(\N)"}) {
    check_throws<BadValue>([text] { (void)ipc::parse_bytes(text); }, text);
  }
}
