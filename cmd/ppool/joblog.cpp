#include "joblog.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "ipc/error.hpp"
#include "ipc/io.hpp"

namespace {

enum Column : std::size_t { kExit = 4, kSignal = 5, kKey = 10, kColumns = 12 };

std::uint64_t print_of(const ipc::Hash128& hash) { return hash.low == 0 ? 1 : hash.low; }

/// "HASH:OCCURRENCE"
bool parse_key(std::string_view text, JobKey& key) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || !ipc::from_hex(text.substr(0, colon), key.hash)) return false;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, key.occurrence);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

/// Lines that are not ours are passed over.
void read_line(std::string_view line, ResumeIndex& index) {
  std::array<std::string_view, kColumns> columns;
  std::size_t count = 0;
  while (count < kColumns) {
    const auto tab = count + 1 < kColumns ? line.find('\t') : std::string_view::npos;
    columns[count++] = line.substr(0, tab);
    if (tab == std::string_view::npos) break;
    line.remove_prefix(tab + 1);
  }
  JobKey key;
  if (count < kColumns || !parse_key(columns[kKey], key)) return;
  index.add(key, columns[kExit] == "0" && columns[kSignal] == "0");
}

}  // namespace

void ResumeIndex::add(const JobKey& key, bool success) { entries_[key] |= success; }

bool ResumeIndex::has(const JobKey& key, bool success_only) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && (found->second || !success_only);
}

std::size_t OccurrenceCounter::find(std::uint64_t print) const noexcept {
  const std::size_t mask = prints_.size() - 1;
  std::size_t at = print & mask;
  while (prints_[at] != 0 && prints_[at] != print) at = (at + 1) & mask;
  return at;
}

void OccurrenceCounter::grow() {
  const std::size_t size = prints_.empty() ? 1024 : prints_.size() * 2;
  std::vector<std::uint64_t> prints(size);
  prints.swap(prints_);
  for (const std::uint64_t print : prints) {
    if (print != 0) prints_[find(print)] = print;
  }
}

std::uint32_t OccurrenceCounter::next(const ipc::Hash128& hash) {
  if (used_ * 8 >= prints_.size() * 7) grow();
  const std::uint64_t print = print_of(hash);
  const std::size_t at = find(print);
  if (prints_[at] == 0) {
    prints_[at] = print;
    ++used_;
    return 1;
  }
  return ++repeated_.try_emplace(print, 1).first->second;
}

JobLog::JobLog(const std::string& path)
    : path_(path), file_(ipc::open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY, 0666)) {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) ipc::throw_errno("", path_);
  if (!S_ISREG(status.st_mode)) throw ipc::UsageError("--joblog " + path_ + ": not a regular file");
  lock_ = ipc::FileLock::try_lock(file_.get(), ipc::FileLock::Mode::exclusive);
  if (!lock_) throw ipc::UsageError("--joblog " + path_ + ": in use by another ppool");
}

ResumeIndex JobLog::read() {
  constexpr std::size_t kLongestLine = std::size_t{64} << 20;
  ResumeIndex index;
  ipc::RecordSplitter lines('\n', kLongestLine);
  off_t offset = 0;
  off_t whole = 0;  // the end of the last whole line
  for (;;) {
    const auto room = lines.room();
    const ssize_t n = ::pread(file_.get(), room.data(), room.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ipc::throw_errno("", path_);
    if (n == 0) break;
    const std::string_view block(room.data(), static_cast<std::size_t>(n));
    const auto newline = block.rfind('\n');
    if (newline != std::string_view::npos) whole = offset + static_cast<off_t>(newline) + 1;
    offset += n;
    lines.filled(static_cast<std::size_t>(n));
    while (const auto line = lines.next()) read_line(line->bytes, index);
  }
  if (whole < offset) torn_at_ = whole;
  return index;
}

void JobLog::mend() {
  if (torn_at_ >= 0 && ::ftruncate(file_.get(), torn_at_) != 0) ipc::throw_errno("", path_);
}

void JobLog::clear() {
  if (::ftruncate(file_.get(), 0) != 0) ipc::throw_errno("", path_);
}

int JobLog::append(const Job& job) {
  const JobResult& r = job.result;
  // A job that caught the TERM of its time-out and ended well has failed all the same.
  const int code = r.timed_out && r.ending.success() ? ipc::kExitTimeout : r.ending.code;
  char numbers[256];
  std::snprintf(numbers, sizeof numbers, "%llu\t%u\t%lld.%03lld\t%s\t%d\t%d\t%s\t%s\t%ld\t%llu\t",
                static_cast<unsigned long long>(job.seq), job.slot,
                static_cast<long long>(r.started_ms / 1000), static_cast<long long>(r.started_ms % 1000),
                ipc::seconds_text(r.runtime).c_str(), code, r.ending.signal,
                ipc::seconds_text(r.user).c_str(), ipc::seconds_text(r.system).c_str(), r.max_rss,
                static_cast<unsigned long long>(job.bytes_out));
  line_ = numbers;
  line_ += ipc::to_hex(job.key.hash) + ':' + std::to_string(job.key.occurrence) + '\t';
  line_ += job.command_line;
  line_ += '\n';
  for (;;) {
    const ssize_t n = ::write(file_.get(), line_.data(), line_.size());
    if (n == static_cast<ssize_t>(line_.size())) return 0;
    if (n >= 0) return ENOSPC;
    if (errno != EINTR) return errno;
  }
}
