/// pairs K INPUT A [ARG...] [--pair B [ARG...]]
///
/// Runs A and B K times each, interleaved and in alternating order, so that whatever slows the machine down slows
/// both. Each reads INPUT as its stdin and writes to /dev/null; wall time runs from before posix_spawn to after
/// wait4. Prints one line: the median of the ratios A/B, the median milliseconds of A and of B, and the largest
/// resident set of A, or of any child it waited for, in KiB. Without B the ratio and B's time are 0.
/// A command that fails ends the measurement with status 1: a wrong run has no time.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

extern char** environ;

namespace {

struct Run {
  double ms;
  long rss_kib;
};

[[noreturn]] void fail(const char* object, const char* reason) {
  std::fprintf(stderr, "pairs: %s: %s\n", object, reason);
  std::exit(1);
}

double now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

Run run(const char* input, char** words) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const double start = now_ms();
  const int error = posix_spawnp(&pid, words[0], &files, nullptr, words, environ);
  if (error != 0) fail(words[0], std::strerror(error));
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0) {
  }
  const double end = now_ms();
  posix_spawn_file_actions_destroy(&files);
  if (status != 0) fail(words[0], "it failed");
  return {end - start, usage.ru_maxrss};
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atoi(argv[1]) < 1) fail("usage", "pairs K INPUT A [ARG...] [--pair B [ARG...]]");
  const int count = std::atoi(argv[1]);
  char** a = argv + 3;
  char** b = a;
  while (*b != nullptr && std::strcmp(*b, "--pair") != 0) ++b;
  const bool paired = *b != nullptr;
  if (paired) *b++ = nullptr;

  std::vector<double> ms_a;
  std::vector<double> ms_b;
  std::vector<double> ratios;
  long rss = 0;
  for (int i = 0; i < count; ++i) {
    if (paired && i % 2 == 1) ms_b.push_back(run(argv[2], b).ms);
    const Run of_a = run(argv[2], a);
    ms_a.push_back(of_a.ms);
    rss = std::max(rss, of_a.rss_kib);
    if (paired && i % 2 == 0) ms_b.push_back(run(argv[2], b).ms);
    if (paired) ratios.push_back(ms_a.back() / ms_b.back());
  }
  std::printf("%.3f %.3f %.3f %ld\n", paired ? median(ratios) : 0.0, median(ms_a),
              paired ? median(ms_b) : 0.0, rss);
  return 0;
}
