#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <sstream>

#include "child.hpp"
#include "ipc/error.hpp"
#include "joblog.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

JobKey key_of(const std::string& name, std::uint32_t occurrence = 1) {
  return {ipc::hash128(name), occurrence};
}

ipc::SpoolStore no_store(0, "/nonexistent");

/// A job that is over.
Job job_of(std::uint64_t seq, const std::string& name, int code = 0, int signal = 0) {
  Job job(seq, {{name}, Unfit::no}, no_store);
  job.key = key_of(name);
  job.slot = 1;
  job.command_line = "cmd " + name;
  job.result.ending = {code, signal};
  return job;
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> columns;
  std::istringstream stream(line);
  for (std::string column; std::getline(stream, column, '\t');) columns.push_back(column);
  return columns;
}

/// A line as ppool writes it, without its newline.
std::string line_of(const std::string& name, const std::string& code = "0", const std::string& signal = "0",
                    const std::string& occurrence = "1") {
  return "1\t1\t1700000000.000\t0.001\t" + code + '\t' + signal + "\t0.000\t0.000\t1024\t0\t" +
         to_hex(ipc::hash128(name)) + ':' + occurrence + "\tcmd";
}

ResumeIndex read_from(const std::string& path) {
  JobLog log(path);
  return log.read();
}

}  // namespace

TEST("an index knows what was logged, and what succeeded") {
  ResumeIndex index;
  check(!index.has(key_of("a"), false));
  index.add(key_of("a"), true);
  index.add(key_of("b"), false);
  check(index.has(key_of("a"), false) && index.has(key_of("a"), true));
  check(index.has(key_of("b"), false) && !index.has(key_of("b"), true));
  check(!index.has(key_of("a", 2), false), "another occurrence");
  check(!index.has(key_of("c"), false));
}

TEST("one success among several lines of a job is success") {
  ResumeIndex index;
  index.add(key_of("a"), false);
  index.add(key_of("a"), true);
  index.add(key_of("a"), false);
  check(index.has(key_of("a"), true));
}

TEST("equal jobs are counted, over every growth of the table") {
  OccurrenceCounter counter;
  constexpr int kJobs = 5000;
  for (std::uint32_t round = 1; round <= 3; ++round) {
    for (int i = 0; i < kJobs; ++i) {
      if (!check_equal(counter.next(ipc::hash128(std::to_string(i))), round)) return;
    }
  }
  check_equal(counter.next(ipc::hash128("another")), 1U);
}

TEST("hashes that meet in the table are counted apart") {
  OccurrenceCounter counter;
  // The same place to begin with, in a table of any size up to 2^40.
  for (std::uint64_t i = 1; i < 700; ++i) check_equal(counter.next({0, i << 40 | 5}), 1U);
  for (std::uint64_t i = 1; i < 700; ++i) check_equal(counter.next({0, i << 40 | 5}), 2U);
  check_equal(counter.next({1, 0}), 1U, "a print of 0 is one, too");
  check_equal(counter.next({1, 0}), 2U);
}

TEST("a line has all its columns") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  Job job = job_of(7, "x");
  job.slot = 3;
  job.key.occurrence = 2;
  job.command_line = "cmd $'a\\nb'";
  job.bytes_out = 12345678901;
  job.result.started_ms = 1700000000042;
  job.result.runtime = std::chrono::milliseconds(61'500);
  job.result.user = std::chrono::microseconds(1'234'999);
  job.result.system = std::chrono::milliseconds(5);
  job.result.max_rss = 4321;
  job.result.ending = {9, 0};
  {
    JobLog log(path);
    check_equal(log.append(job), 0);
  }
  check_equal(file_text(path), "7\t3\t1700000000.042\t61.500\t9\t0\t1.234\t0.005\t4321\t12345678901\t" +
                                   to_hex(ipc::hash128("x")) + ":2\tcmd $'a\\nb'\n");
}

TEST("signals and time-outs, as --resume must see them") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  Job killed = job_of(1, "killed", 0, 9);
  Job late = job_of(2, "late", 0, 15);
  late.result.timed_out = true;
  Job caught = job_of(3, "caught");
  caught.result.timed_out = true;
  Job chose = job_of(4, "chose", 7);
  chose.result.timed_out = true;
  Job good = job_of(5, "good");
  {
    JobLog log(path);
    for (const Job* job : {&killed, &late, &caught, &chose, &good}) check_equal(log.append(*job), 0);
  }
  std::istringstream lines(file_text(path));
  std::string text;
  for (std::string line; std::getline(lines, line);) text += split(line)[4] + ',' + split(line)[5] + ' ';
  check_equal(text, "0,9 0,15 124,0 7,0 0,0 ");
  const ResumeIndex index = read_from(path);
  for (const char* name : {"killed", "late", "caught", "chose"}) {
    check(index.has(key_of(name), false), name);
    check(!index.has(key_of(name), true), name);
  }
  check(index.has(key_of("good"), true));
}

TEST("what was appended is read back, and the file goes on behind it") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  for (int run = 0; run < 3; ++run) {
    JobLog log(path);
    const ResumeIndex index = log.read();
    for (int i = 0; i < run * 1000; ++i) {
      if (!check(index.has(key_of(std::to_string(i)), true))) return;
    }
    for (int i = run * 1000; i < (run + 1) * 1000; ++i)
      check_equal(log.append(job_of(1, std::to_string(i))), 0);
  }
  check(read_from(path).has(key_of("2999"), true));
}

TEST("a torn last line counts for nothing, and is cut off") {
  const Scratch scratch;
  const std::string whole = line_of("a") + '\n';
  const std::string torn = line_of("b");
  for (std::size_t length = 1; length <= torn.size(); ++length) {
    const std::string path = scratch.file("log", whole + torn.substr(0, length));
    {
      JobLog log(path);
      const ResumeIndex index = log.read();
      check(index.has(key_of("a"), true));
      check(!index.has(key_of("b"), false), std::to_string(length));
      check_equal(file_text(path), whole + torn.substr(0, length), "reading changes nothing");
      log.mend();
      check_equal(log.append(job_of(1, "c")), 0);
    }
    check(read_from(path).has(key_of("c"), true));
    if (!check(file_text(path).starts_with(whole + "1\t1\t"))) return;
  }
}

TEST("a file that is nothing but a torn line is mended to an empty one") {
  const Scratch scratch;
  const std::string path = scratch.file("log", "torn");
  JobLog log(path);
  (void)log.read();
  log.mend();
  check_equal(file_text(path), "");
}

TEST("lines that are not ours are passed over, and kept") {
  const Scratch scratch;
  std::string text =
      "Seq\tHost\tStarttime\n\n\t\t\t\t\t\t\t\t\t\t\t\n# a remark\n" + std::string(200'000, 'x') + '\n';
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += byte == '\n' ? ' ' : static_cast<char>(byte);
  text += bytes + '\n';
  const std::string hash = to_hex(ipc::hash128("b"));
  for (const std::string& wrong_key :
       {hash, hash + ':', ':' + hash, hash + ":x", hash + ":1x", hash + ":-1", hash + ":99999999999",
        hash.substr(1) + ":1", hash + "0:1", std::string(32, 'g') + ":1"}) {
    text += "1\t1\t1\t1\t0\t0\t0\t0\t1\t0\t" + wrong_key + "\tcmd\n";
  }
  text += "1\t1\t1\t1\t0\t0\t0\t0\t1\t0\t" + hash + ":1\n";  // no command
  text += line_of("a") + '\n';
  const std::string path = scratch.file("log", text);
  const ResumeIndex index = read_from(path);
  check(index.has(key_of("a"), true));
  check(!index.has(key_of("b"), false));
  check_equal(file_text(path), text);
}

TEST("the command may hold anything, tabs too") {
  const Scratch scratch;
  const std::string path = scratch.file("log", line_of("a") + "\tmore\t\there\n" + line_of("b", "1") + "\n");
  const ResumeIndex index = read_from(path);
  check(index.has(key_of("a"), true));
  check(index.has(key_of("b"), false) && !index.has(key_of("b"), true));
}

TEST("only 0 and 0 is success") {
  const Scratch scratch;
  const std::string path =
      scratch.file("log", line_of("a", "00") + '\n' + line_of("b", "0", "") + '\n' + line_of("c", "", "0") +
                              '\n' + line_of("d", "0", "9") + '\n');
  const ResumeIndex index = read_from(path);
  for (const char* name : {"a", "b", "c", "d"}) check(!index.has(key_of(name), true), name);
}

TEST("clear() empties it") {
  const Scratch scratch;
  const std::string path = scratch.file("log", line_of("a") + '\n');
  JobLog log(path);
  log.clear();
  check_equal(file_text(path), "");
  check_equal(log.append(job_of(1, "b")), 0);
  check(file_text(path).starts_with("1\t"));
}

TEST("it is locked as long as it is used") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  {
    const JobLog log(path);
    check_equal(check_throws<ipc::UsageError>([&] { const JobLog other(path); }),
                "--joblog " + path + ": in use by another ppool");
    check_equal(in_child([&] {
                  try {
                    const JobLog other(path);
                  } catch (const ipc::UsageError&) {
                    return 0;
                  }
                  return 1;
                }).status(),
                0);
  }
  const JobLog again(path);
}

TEST("a refused one leaves the file as it is") {
  const Scratch scratch;
  const std::string path = scratch.file("log", line_of("a") + '\n');
  const JobLog log(path);
  check_throws<ipc::UsageError>([&] { JobLog(path).clear(); });
  check_equal(file_text(path), line_of("a") + '\n');
}

TEST("what is no regular file is refused, and what cannot be opened is told") {
  const Scratch scratch;
  check_equal(check_throws<ipc::UsageError>([] { const JobLog log("/dev/null"); }),
              "--joblog /dev/null: not a regular file");
  check_throws<ipc::Error>([&] { const JobLog log(scratch.path()); });
  check_equal(check_throws<ipc::Error>([&] { const JobLog log(scratch / "none/log"); }),
              scratch / "none/log" + ": No such file or directory");
}

TEST("a line that does not fit whole is told, and does not count") {
  const Scratch scratch;
  const std::string path = scratch / "log";
  const auto ending = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    JobLog log(path);
    if (log.append(job_of(1, "a")) != 0) return 1;
    const auto size = static_cast<rlim_t>(file_text(path).size());
    const rlimit limit{size + 20, size + 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return log.append(job_of(2, "b")) != 0 ? 0 : 2;
  });
  check_equal(ending.status(), 0);
  const ResumeIndex index = read_from(path);
  check(index.has(key_of("a"), true));
  check(!index.has(key_of("b"), false));
}
