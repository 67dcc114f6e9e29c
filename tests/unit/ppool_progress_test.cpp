#include <algorithm>

#include "progress.hpp"
#include "tap.hpp"

using namespace std::chrono_literals;

namespace {

ProgressCounts counts(std::uint64_t done, std::uint64_t known, bool total = true) {
  ProgressCounts c;
  c.done = done;
  c.known = known;
  c.known_is_total = total;
  return c;
}

}  // namespace

TEST("a line says all there is to say") {
  ProgressCounts c = counts(12, 57, false);
  c.running = 2;
  c.failed = 1;
  check_equal(progress_text(c, 4s), "12/57+ done, 2 running, 1 failed, 3.0/s, ETA 0:15");
  c.known_is_total = true;
  check_equal(progress_text(c, 4s), "12/57 done, 2 running, 1 failed, 3.0/s, ETA 0:15");
}

TEST("before the first job is done there is no ETA") {
  check_equal(progress_text(counts(0, 5), 10s), "0/5 done, 0 running, 0 failed, 0.0/s, ETA -");
}

TEST("rates and times") {
  check_equal(progress_text(counts(1, 1), 3s), "1/1 done, 0 running, 0 failed, 0.3/s, ETA 0:00");
  check_equal(progress_text(counts(10, 20), 100s), "10/20 done, 0 running, 0 failed, 0.1/s, ETA 1:40");
  check_equal(progress_text(counts(1, 101), 72s), "1/101 done, 0 running, 0 failed, 0.0/s, ETA 2:00:00");
  check_equal(progress_text(counts(1, 62), 61s), "1/62 done, 0 running, 0 failed, 0.0/s, ETA 1:02:01");
  check_equal(progress_text(counts(1000, 1000), 1ms),
              "1000/1000 done, 0 running, 0 failed, 1000000.0/s, ETA 0:00");
  check_equal(progress_text(counts(3, 4), 0ns), "3/4 done, 0 running, 0 failed, 3000.0/s, ETA 0:00");
}

TEST("more done than known is no trouble") {
  check_equal(progress_text(counts(5, 3), 1s), "5/3 done, 0 running, 0 failed, 5.0/s, ETA 0:00");
}

TEST("the bar fills as jobs are done, and leaves a column free") {
  const std::string text = progress_text(counts(1, 4), 1s);
  for (const unsigned width : {80U, 100U, 120U, 300U}) {
    for (const std::uint64_t done : {0U, 1U, 2U, 4U, 9U}) {
      const std::string bar = progress_bar(counts(done, 4), 1s, width);
      check(bar.size() < width, bar);
      const auto full = static_cast<std::size_t>(std::count(bar.begin(), bar.end(), '#'));
      const auto cells = bar.find(']') - 1;
      check_equal(full, cells * std::min<std::uint64_t>(done, 4) / 4, bar);
      check(bar.ends_with(progress_text(counts(done, 4), 1s)), bar);
    }
  }
  check(progress_bar(counts(1, 4), 1s, 100).starts_with("[#"));
}

TEST("a narrow terminal gets as much of the text as fits") {
  const std::string text = progress_text(counts(1, 4), 1s);
  check_equal(progress_bar(counts(1, 4), 1s, 20), text.substr(0, 19));
  check_equal(progress_bar(counts(1, 4), 1s, 1), "");
  check_equal(progress_bar(counts(1, 4), 1s, 0), "");
  for (unsigned width = 2; width < 120; ++width) check(progress_bar(counts(1, 4), 1s, width).size() < width);
}

TEST("nothing known yet is an empty bar") {
  const std::string bar = progress_bar(counts(0, 0, false), 1s, 100);
  check(bar.find('#') == std::string::npos);
  check(bar.find("0/0+") != std::string::npos);
}
