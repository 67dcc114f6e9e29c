#include "ipc/lock_table.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "ipc/cut.hpp"
#include "ipc/fd.hpp"
#include "ipc/io.hpp"

namespace ipc {
namespace {

/// A line of /proc/locks, or of fdinfo after "lock:" (proc_locks(5)): "1: -> FLOCK ADVISORY WRITE 123 08:01:99 0 EOF".
struct Record {
  bool waits = false;
  FileLock::Mode mode = FileLock::Mode::exclusive;
  pid_t pid = 0;
  std::string_view kernel_id;
};

std::string_view take_word(std::string_view& line) {
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  return cut(line, ' ');
}

/// Nothing for locks of other kinds.
std::optional<Record> parse_record(std::string_view line) {
  Record record;
  static_cast<void>(take_word(line));  // its number
  std::string_view kind = take_word(line);
  record.waits = kind == "->";
  if (record.waits) kind = take_word(line);
  if (kind != "FLOCK") return std::nullopt;
  static_cast<void>(take_word(line));  // ADVISORY
  record.mode = take_word(line) == "READ" ? FileLock::Mode::shared : FileLock::Mode::exclusive;
  const std::string_view pid = take_word(line);
  std::from_chars(pid.data(), pid.data() + pid.size(), record.pid);
  record.kernel_id = take_word(line);
  return record;
}

/// The flock in the text of a fdinfo file; a description has one at most.
std::optional<Record> record_in(std::string_view fdinfo) {
  constexpr std::string_view kPrefix = "lock:";
  while (!fdinfo.empty()) {
    std::string_view line = cut(fdinfo, '\n');
    if (!line.starts_with(kPrefix)) continue;
    line.remove_prefix(kPrefix.size());
    if (auto record = parse_record(line); record && !record->waits) return record;
  }
  return std::nullopt;
}

/// Hexadecimal, of two digits at least.
std::string hexadecimal(unsigned number) {
  char digits[16];
  const std::string text(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
  return text.size() < 2 ? "0" + text : text;
}

std::string kernel_id_of(FileId file) {
  return hexadecimal(major(file.device)) + ":" + hexadecimal(minor(file.device)) + ":" +
         std::to_string(file.inode);
}

using Names = std::vector<std::string>;

/// Adds the locks behind the descriptors of the process or thread that has this directory in /proc. False when it has
/// no descriptors to be seen.
bool read_locks(const std::string& task, pid_t pid, std::vector<LockHolder>& locks) {
  const auto descriptors = names_in(task + "/fdinfo").value_or(Names());
  for (const std::string& fd : descriptors) {
    const auto fdinfo = read_small_file((task + "/fdinfo/" + fd).c_str());
    const auto record = fdinfo ? record_in(*fdinfo) : std::nullopt;
    // Only of files that are locked: stat() may hang on a file system whose server is gone.
    const auto file = record ? file_id(task + "/fd/" + fd) : std::nullopt;
    if (!file) continue;
    LockHolder holder{pid, -1, *file, record->mode, record->pid, std::string(record->kernel_id)};
    std::from_chars(fd.data(), fd.data() + fd.size(), holder.fd);
    locks.push_back(std::move(holder));
  }
  return !descriptors.empty();
}

}  // namespace

std::optional<FileLock::Mode> lock_on(int fd) {
  const auto fdinfo = read_small_file(("/proc/self/fdinfo/" + std::to_string(fd)).c_str());
  if (!fdinfo) return std::nullopt;
  const auto record = record_in(*fdinfo);
  if (!record) return std::nullopt;
  return record->mode;
}

bool shows_locks(pid_t pid) {
  const Fd directory(
      ::open(("/proc/" + std::to_string(pid) + "/fdinfo").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return static_cast<bool>(directory);
}

std::vector<LockHolder> locks_of(pid_t pid) {
  std::vector<LockHolder> locks;
  const std::string process = "/proc/" + std::to_string(pid);
  if (read_locks(process, pid, locks)) return locks;
  // Its first thread may have ended before the others, which share its descriptors.
  for (const std::string& task : names_in(process + "/task").value_or(Names())) {
    if (read_locks(process + "/task/" + task, pid, locks)) break;
  }
  return locks;
}

std::vector<LockHolder> holders_among(const std::vector<pid_t>& pids, FileId file) {
  std::vector<LockHolder> holders;
  for (const pid_t pid : pids) {
    for (auto& lock : locks_of(pid)) {
      if (lock.file == file) holders.push_back(std::move(lock));
    }
  }
  return holders;
}

LockRecords lock_records(FileId file, const std::vector<std::string>& kernel_ids) {
  LockRecords records;
  const std::string own_id = kernel_id_of(file);
  const std::string text = read_small_file("/proc/locks").value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto record = parse_record(cut(rest, '\n'));
    if (!record) continue;
    if (record->kernel_id != own_id && std::ranges::find(kernel_ids, record->kernel_id) == kernel_ids.end())
      continue;
    std::string id(record->kernel_id);
    if (record->waits) {
      records.waiters.push_back({record->pid, record->mode, std::move(id)});
    } else {
      records.holders.push_back({record->pid, -1, file, record->mode, record->pid, std::move(id)});
    }
  }
  return records;
}

}  // namespace ipc
