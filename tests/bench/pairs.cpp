/// pairs K INPUT [--before SCRIPT] A [ARG...] [--pair B [ARG...]] [--bare C [ARG...]]
///
/// Runs A and B K times each, interleaved and in changing order, so that whatever slows the machine down slows
/// both. Each reads INPUT as its stdin and writes to /dev/null; wall time runs from before posix_spawn to after
/// wait4. Prints one line: the median of the ratios A/B, the median milliseconds of A and of B, and the largest
/// resident set of A, or of any child it waited for, in KiB. Without B the ratio and B's time are 0.
/// With C, which is what A and B have to run in any case, all three are interleaved, and C's time
/// is taken from those of the same round: ratio and milliseconds are then of what A and B add to C.
/// SCRIPT is run by sh before each run, which its $1 names (A, B or C), and not timed.
/// A command that fails ends the measurement with status 1: a wrong run has no time.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
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

/// Runs the script that goes before the command `which`.
void prepare(char* script, std::size_t which) {
  char names[3][2] = {"A", "B", "C"};
  char sh[] = "sh";
  char option[] = "-c";
  char* words[] = {sh, option, script, sh, names[which], nullptr};
  run("/dev/null", words);
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// Which command comes at that turn of a round: each in each place, and each after each, equally often.
std::size_t order_of(int round, std::size_t turn) {
  constexpr std::size_t kOrders[6][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}, {2, 1, 0}, {2, 0, 1}, {0, 2, 1}};
  return kOrders[round % 6][turn];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::atoi(argv[1]) < 1) {
    fail("usage", "pairs K INPUT [--before SCRIPT] A [ARG...] [--pair B [ARG...]] [--bare C [ARG...]]");
  }
  char* before = nullptr;
  char** first = argv + 3;
  if (argc > 5 && std::strcmp(first[0], "--before") == 0) {
    before = first[1];
    first += 2;
  }
  const int count = std::atoi(argv[1]);
  enum : std::size_t { kA, kB, kC, kCommands };
  std::array<char**, kCommands> commands{first, nullptr, nullptr};
  for (char** word = first; *word != nullptr; ++word) {
    const bool pair = std::strcmp(*word, "--pair") == 0;
    if (!pair && std::strcmp(*word, "--bare") != 0) continue;
    *word = nullptr;
    commands.at(pair ? kB : kC) = ++word;
    if (*word == nullptr) fail("usage", "a command is missing");
  }

  std::vector<double> ms_a;
  std::vector<double> ms_b;
  std::vector<double> ratios;
  long rss = 0;
  for (int i = 0; i < count; ++i) {
    std::array<Run, kCommands> runs{};
    for (std::size_t turn = 0; turn < kCommands; ++turn) {
      const std::size_t which = order_of(i, turn);
      if (commands.at(which) == nullptr) continue;
      if (before != nullptr) prepare(before, which);
      runs.at(which) = run(argv[2], commands.at(which));
    }
    ms_a.push_back(runs[kA].ms - runs[kC].ms);
    ms_b.push_back(runs[kB].ms - runs[kC].ms);
    ratios.push_back(ms_a.back() / ms_b.back());
    rss = std::max(rss, runs[kA].rss_kib);
  }
  const bool paired = commands[kB] != nullptr;
  const double ratio = paired ? median(ratios) : 0.0;
  std::printf("%.*f %.3f %.3f %ld\n", ratio < 0.1 ? 5 : 3, ratio, median(ms_a), paired ? median(ms_b) : 0.0,
              rss);
  return 0;
}
