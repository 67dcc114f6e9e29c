// queue_check -a FILE... -k FILE... -d FILE... [-x N FILE...]...: the total-queue check. Each line is a message, and no two
// that were put are alike.
//   -a attempted      put, or a put of it began
//   -k acknowledged   its put said that it is safe
//   -d delivered      to somebody who was let be
//   -x delivered      to somebody who was killed: half a last line is no message, and the last N lines of each of these
//                     files may be delivered to another once more
// Prints six numbers: attempted, acknowledged, delivered, duplicated (delivered beyond the first time), lost
// (acknowledged and never delivered), unexpected (delivered and never attempted). Names some of what is wrong on stderr.
// Exits 0; 1 when messages were lost, unexpected or, without such an excuse, delivered again; 2 when something here
// failed.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

struct Tally {
  std::string_view message;
  std::uint32_t attempted = 0;
  std::uint32_t acknowledged = 0;
  std::uint32_t delivered = 0;
  std::uint32_t excused = 0;  // deliveries to somebody who was killed holding it
};

/// Open addressing: a million messages take a fraction of a second. The messages' memory is not owned.
class Table {
 public:
  explicit Table(std::size_t lines) : slots_(std::bit_ceil(lines * 2 + 2)) {}

  Tally& of(std::string_view message) {
    for (std::size_t i = hash(message);; ++i) {
      Tally& slot = slots_[i & (slots_.size() - 1)];
      if (slot.message.data() == nullptr) slot.message = message;
      if (slot.message == message) return slot;
    }
  }
  [[nodiscard]] const std::vector<Tally>& slots() const { return slots_; }

 private:
  static std::uint64_t hash(std::string_view text) {
    std::uint64_t value = text.size();
    while (!text.empty()) {
      std::uint64_t word = 0;
      const std::size_t size = text.size() < sizeof word ? text.size() : sizeof word;
      std::memcpy(&word, text.data(), size);
      value = (value ^ word) * 0x9e3779b97f4a7c15;
      value ^= value >> 32;
      text.remove_prefix(size);
    }
    return value;
  }

  std::vector<Tally> slots_;
};

/// What is mapped stays mapped until the end.
std::string_view contents(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) fail(path);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {};
  const void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) fail(path);
  close(fd);
  return {static_cast<const char*>(start), size};
}

std::vector<std::string_view> lines_of(const char* path, bool may_be_torn) {
  std::vector<std::string_view> lines;
  for (std::string_view rest = contents(path); !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && may_be_torn) break;
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return lines;
}

struct File {
  char kind;
  std::size_t excused;
  std::vector<std::string_view> lines;
};

Table count(const std::vector<File>& files) {
  std::size_t total = 0;
  for (const File& file : files) total += file.lines.size();
  Table table(total);
  for (const File& file : files) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      Tally& tally = table.of(file.lines[i]);
      tally.attempted += file.kind == 'a';
      tally.acknowledged += file.kind == 'k';
      tally.delivered += file.kind == 'd' || file.kind == 'x';
      tally.excused += file.kind == 'x' && file.lines.size() - i <= file.excused;
    }
  }
  return table;
}

/// Names the first few.
class Complaints {
 public:
  void add(const char* what, std::string_view message) {
    if (++count_ > kMost) return;
    const auto size = static_cast<int>(message.size() < kLongest ? message.size() : kLongest);
    std::fprintf(stderr, "queue_check: %s: %.*s\n", what, size, message.data());
  }
  [[nodiscard]] bool any() const { return count_ > 0; }

 private:
  static constexpr int kMost = 10;
  static constexpr std::size_t kLongest = 60;
  int count_ = 0;
};

int report(const Table& table) {
  Complaints complaints;
  std::uint64_t attempted = 0, acknowledged = 0, delivered = 0, duplicated = 0, lost = 0, unexpected = 0;
  for (const Tally& tally : table.slots()) {
    if (tally.message.data() == nullptr) continue;
    attempted += tally.attempted;
    acknowledged += tally.acknowledged;
    delivered += tally.delivered;
    duplicated += tally.delivered > 1 ? tally.delivered - 1 : 0;
    lost += tally.acknowledged > 0 && tally.delivered == 0;
    unexpected += tally.delivered > 0 && tally.attempted == 0;
    if (tally.attempted > 1) complaints.add("attempted twice, so this check says nothing", tally.message);
    if (tally.acknowledged > tally.attempted) complaints.add("acknowledged, not attempted", tally.message);
    if (tally.acknowledged > 0 && tally.delivered == 0) complaints.add("lost", tally.message);
    if (tally.delivered > 0 && tally.attempted == 0) complaints.add("unexpected", tally.message);
    if (tally.delivered > tally.excused + 1) complaints.add("delivered again without excuse", tally.message);
  }
  std::printf("%llu\t%llu\t%llu\t%llu\t%llu\t%llu\n", static_cast<unsigned long long>(attempted),
              static_cast<unsigned long long>(acknowledged), static_cast<unsigned long long>(delivered),
              static_cast<unsigned long long>(duplicated), static_cast<unsigned long long>(lost),
              static_cast<unsigned long long>(unexpected));
  return complaints.any() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<File> files;
  std::size_t excused = 0;
  char kind = '\0';
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "-x" && i + 1 < argc) {
      kind = 'x';
      excused = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "-a" || word == "-k" || word == "-d") {
      kind = word[1];
    } else if (kind != '\0' && !word.starts_with('-')) {
      files.push_back({kind, excused, lines_of(argv[i], kind == 'x')});
    } else {
      std::fputs("usage: queue_check -a FILE... -k FILE... -d FILE... [-x N FILE...]...\n", stderr);
      return 2;
    }
  }
  return report(count(files));
}
