/// Answers to messages: a file each, called after the message's id in the directory `answers`. It begins as a place that
/// is kept, and is replaced by the answer as a whole. Who waits for one makes a bell of his own, ID.bell.

#include "queue/answers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "queue/parts.hpp"
#include "queue/removal.hpp"
#include "queue/waiting.hpp"

namespace queue {
namespace {

enum class Kind : std::uint32_t { place = 1, answer, dropped };

struct AnswerHead {
  char magic[8];
  Kind kind;
  std::int32_t status;
  std::int64_t keep;   ///< nanoseconds that an answer is kept
  std::int64_t until;  ///< of an answer: when it goes
};

constexpr std::int64_t kSweep = 60;  // seconds between two

std::string answer_name(std::uint64_t id) { return "answers/" + std::to_string(id); }
std::string bell_name(std::uint64_t id) { return answer_name(id) + ".bell"; }

bool read_answer_head(int fd, AnswerHead& head) {
  return read_at(fd, {reinterpret_cast<char*>(&head), sizeof head}, 0) == sizeof head &&
         std::memcmp(head.magic, kMagic, sizeof kMagic) == 0;
}

AnswerHead make_head(Kind kind, int status, std::int64_t keep) {
  AnswerHead head{};
  std::memcpy(head.magic, kMagic, sizeof kMagic);
  head.kind = kind;
  head.status = status;
  head.keep = keep;
  head.until = kind == Kind::place ? 0 : ipc::wall_time_after(ipc::Duration(keep));
  return head;
}

/// None when it is missing.
ipc::Fd open_answer(int directory, std::uint64_t id) {
  for (;;) {
    ipc::Fd file(::openat(directory, answer_name(id).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file || errno != EINTR) return file;
  }
}

void write_file(int directory, const std::string& name, mode_t mode, const AnswerHead& head,
                std::string_view bytes) {
  const ipc::Fd file = open_in(directory, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (::fchmod(file.get(), mode) != 0 && errno != EPERM) ipc::throw_errno("set mode", name);
  write_at(file.get(), {reinterpret_cast<const char*>(&head), sizeof head}, 0);
  write_at(file.get(), bytes, sizeof head);
}

/// A bell whose answer is gone was left by a caller that gave up, or was killed.
void sweep_bell(int directory, std::string_view name) {
  constexpr std::string_view kSuffix = ".bell";
  if (!name.ends_with(kSuffix)) return;
  const std::string answer(name.substr(0, name.size() - kSuffix.size()));
  if (::faccessat(directory, answer.c_str(), F_OK, 0) != 0 && errno == ENOENT)
    ::unlinkat(directory, std::string(name).c_str(), 0);
}

}  // namespace

void Answers::keep_places(std::uint64_t first, std::size_t count, ipc::Duration keep_for) {
  const AnswerHead head = make_head(Kind::place, 0, keep_for.count());
  for (std::size_t i = 0; i < count; ++i) {
    write_file(store_.directory(), answer_name(first + i), store_.header().mode, head, {});
  }
}

void Answers::store(std::uint64_t id, int status, std::string_view bytes, bool is_dropped) {
  AnswerHead place{};
  {
    const ipc::Fd file = open_answer(store_.directory(), id);
    if (!file || !read_answer_head(file.get(), place)) return;  // nobody wants it any more
    if (is_dropped && place.kind != Kind::place) return;        // it has one
  }
  const std::string file_name = answer_name(id);
  const std::string made = file_name + ".new";
  write_file(store_.directory(), made, store_.header().mode,
             make_head(is_dropped ? Kind::dropped : Kind::answer, status, place.keep), bytes);
  queue::ring(store_.directory(), bell_name(id).c_str());
  if (::renameat(store_.directory(), made.c_str(), store_.directory(), file_name.c_str()) != 0)
    ipc::throw_errno("", file_name);
}

void Answers::drop(const Run& run) {
  if ((run.flags & kWantsAnswer) == 0) return;
  const SegmentEntry& entry = store_.segment(run.segment);
  const int fd = store_.segment_descriptor(entry);
  if (fd < 0) return;
  Walker walker;
  walker.start(fd, entry.salt, run.begin, run.end, std::size_t{64} << 10);
  while (const auto found_one = walker.next()) store(found_one->head.id, 0, {}, true);
}

/// Removes answers that nobody has read in their time, once in a while.
void Answers::sweep() {
  const std::int64_t now = ipc::wall_time();
  if (now / 1'000'000'000 - store_.header().swept < kSweep) return;
  store_.header().swept = now / 1'000'000'000;
  ipc::Fd directory = open_in(store_.directory(), "answers", O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(::dup(directory.get())), ::closedir);
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    const ipc::Fd file(
        ::openat(directory.get(), entry->d_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    AnswerHead head{};
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) continue;
    if (S_ISFIFO(status.st_mode)) sweep_bell(directory.get(), entry->d_name);
    if (!S_ISREG(status.st_mode)) continue;
    if (read_answer_head(file.get(), head) && head.kind != Kind::place && head.until < now) {
      ::unlinkat(directory.get(), entry->d_name, 0);
    }
  }
}

void Answers::remove(std::uint64_t id) noexcept {
  ::unlinkat(store_.directory(), answer_name(id).c_str(), 0);
  ::unlinkat(store_.directory(), bell_name(id).c_str(), 0);
}

FileQueue::Answer Answers::look(std::uint64_t id) {
  using State = FileQueue::Answer::State;
  if (is_removed(store_.header())) return {State::removed, 0, {}};
  const ipc::Fd file = open_answer(store_.directory(), id);
  AnswerHead head{};
  if (!file || !read_answer_head(file.get(), head)) return {State::unknown, 0, {}};
  if (head.kind == Kind::place) return {State::not_yet, 0, {}};
  if (head.until < ipc::wall_time()) {
    ::unlinkat(store_.directory(), answer_name(id).c_str(), 0);
    return {State::unknown, 0, {}};
  }
  FileQueue::Answer answer{head.kind == Kind::answer ? State::ready : State::dropped, head.status, {}};
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) ipc::throw_errno("", answer_name(id));
  answer.bytes.resize(static_cast<std::size_t>(status.st_size) - sizeof head);
  static_cast<void>(read_at(file.get(), answer.bytes, sizeof head));
  return answer;
}

void FileQueue::answer(std::uint64_t id, int status, std::string_view bytes) {
  Parts& p = *parts_;
  p.locked([&](Section&) {
    if (is_removed(p.header())) return;
    p.answers.store(id, status, bytes, false);
    p.answers.sweep();
  });
}

void FileQueue::answer_was_read(std::uint64_t id) {
  parts_->locked([&](Section&) { parts_->answers.remove(id); });
}

FileQueue::Answer FileQueue::result(std::uint64_t id, ipc::Deadline deadline, Watched watched) {
  Parts& p = *parts_;
  const std::string bell = bell_name(id);
  std::optional<Waiter> waiter;
  for (;;) {
    if (waiter) static_cast<void>(waiter->begin());
    Answer answer = p.locked([&](Section&) { return p.answers.look(id); });
    if (answer.state != Answer::State::not_yet || deadline == ipc::Deadline::past()) return answer;
    if (!waiter) {
      if (::mkfifoat(p.store.directory(), bell.c_str(), p.header().mode) != 0 && errno != EEXIST) {
        ipc::throw_errno("", bell);
      }
      // Whatever the umask says; another's was made so.
      static_cast<void>(::fchmodat(p.store.directory(), bell.c_str(), p.header().mode, 0));
      waiter.emplace(p.store.directory(), bell.c_str());
      continue;
    }
    const Woken woken = wait_for(waiter->descriptor(), watched, deadline);
    if (woken == Woken::watched) answer.state = Answer::State::watched;
    if (woken != Woken::ready) return answer;
  }
}

}  // namespace queue
