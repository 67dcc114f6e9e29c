/// handover ROUNDS QUEUE
///
/// How long a message waits for another worker when the one that has it is killed by SIGKILL in mid-command: from the
/// kill to the start of the command under a worker that was waiting. Two workers, one message; in each round the one
/// that has it is killed and another is started. Prints the median, the 9th decile and the longest, in milliseconds.
///
/// handover --report FIFO: the command. Writes the time and its worker's pid into FIFO, then waits to be killed.

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

extern char** environ;

namespace {

struct Report {
  std::int64_t ns;
  pid_t worker;
};

std::string fifo;

[[noreturn]] void fail(const char* object) {
  std::fprintf(stderr, "handover: %s: %s\n", object, std::strerror(errno));
  if (!fifo.empty()) unlink(fifo.c_str());
  std::exit(1);
}

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

int report(const char* path) {
  const Report message{now_ns(), getppid()};
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, &message, sizeof message) != sizeof message) return 1;
  for (;;) pause();
}

pid_t start_worker(const std::string& self, char* queue) {
  std::vector<std::string> words{"pqueue", "get", "-f",       "--retries", "1000000", queue,
                                 "--",     self,  "--report", fifo,        "{}"};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  errno = posix_spawnp(&pid, "pqueue", nullptr, nullptr, argv.data(), environ);
  if (errno != 0) fail("pqueue");
  // Time to begin to wait; nobody tells when it does.
  const timespec settled{0, 30'000'000};
  nanosleep(&settled, nullptr);
  return pid;
}

Report next_report(int fd) {
  Report message{};
  pollfd ready{fd, POLLIN, 0};
  if (poll(&ready, 1, 10'000) != 1) {
    errno = ETIMEDOUT;
    fail("no worker has the message");
  }
  if (read(fd, &message, sizeof message) != sizeof message) fail("the report");
  return message;
}

void end_worker(pid_t worker) {
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "--report") == 0) return report(argv[2]);
  if (argc != 3 || std::atoi(argv[1]) < 1) {
    std::fprintf(stderr, "usage: handover ROUNDS QUEUE\n");
    return 2;
  }
  char self[4096] = {};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) fail("/proc/self/exe");
  const char* scratch = std::getenv("TMPDIR");
  fifo = std::string(scratch != nullptr ? scratch : "/tmp") + "/handover." + std::to_string(getpid());
  if (mkfifo(fifo.c_str(), 0600) != 0) fail(fifo.c_str());
  const int reports = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  if (reports < 0) fail(fifo.c_str());

  std::vector<pid_t> workers{start_worker(self, argv[2]), start_worker(self, argv[2])};
  std::vector<double> ms;
  Report holder = next_report(reports);
  for (int round = 0; round < std::atoi(argv[1]); ++round) {
    const std::int64_t killed = now_ns();
    end_worker(holder.worker);
    const Report next = next_report(reports);
    ms.push_back(static_cast<double>(next.ns - killed) / 1e6);
    std::replace(workers.begin(), workers.end(), holder.worker, start_worker(self, argv[2]));
    holder = next;
  }
  // The one that waits goes first, or the message would go round once more.
  for (const pid_t worker : workers) {
    if (worker != holder.worker) end_worker(worker);
  }
  end_worker(holder.worker);
  unlink(fifo.c_str());
  std::sort(ms.begin(), ms.end());
  std::printf("%.2f %.2f %.2f\n", ms[ms.size() / 2], ms[ms.size() * 9 / 10], ms.back());
  return 0;
}
