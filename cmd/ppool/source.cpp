#include "source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"

namespace {

/// Buffers read in one go without a record among them.
constexpr unsigned kTurn = 16;

}  // namespace

/// Whoever else reads the same pipe can take what poll() has seen. So a pipe or terminal is opened once more, which
/// leaves the flags of the shared description alone; where that is refused, there is only poll().
void StreamSource::never_wait(Input& input, mode_t mode) {
  if (S_ISREG(mode) || S_ISBLK(mode)) input.kind = Input::Kind::file;
  if (S_ISSOCK(mode)) input.kind = Input::Kind::socket;
  if (!S_ISFIFO(mode) && !S_ISCHR(mode)) return;
  ipc::Fd reopened = ipc::reopen_without_waiting(input.fd.get(), O_RDONLY);
  if (!reopened) return;
  input.fd = std::move(reopened);
  input.kind = Input::Kind::reopened;
}

StreamSource::StreamSource(const std::vector<std::string>& files, char delimiter)
    : splitter_(delimiter, kLongest) {
  for (const std::string& file : files.empty() ? std::vector<std::string>{"-"} : files) {
    Input input;
    const bool is_stdin = file == "-";
    input.name = is_stdin ? "stdin" : file;
    input.fd = is_stdin ? ipc::duplicate(STDIN_FILENO) : ipc::open_file(file, O_RDONLY | O_NOCTTY);
    struct stat status {};
    if (::fstat(input.fd.get(), &status) != 0) ipc::throw_errno("", input.name);
    if (S_ISDIR(status.st_mode)) throw ipc::Error(EISDIR, "", input.name);
    if ((::fcntl(input.fd.get(), F_GETFL) & O_ACCMODE) == O_WRONLY) throw ipc::Error(EBADF, "", input.name);
    never_wait(input, status.st_mode);
    inputs_.push_back(std::move(input));
  }
}

bool StreamSource::take(const std::optional<ipc::RecordSplitter::Record>& found, Record& record) {
  if (!found) return false;
  record.fields.assign(1, std::string(found->bytes));
  record.too_long = found->too_long;
  return true;
}

bool StreamSource::would_wait() const noexcept {
  const Input& input = inputs_[current_];
  if (input.kind != Input::Kind::other) return false;
  pollfd ready{input.fd.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 0;
}

ssize_t StreamSource::read(std::span<char> room) const noexcept {
  const Input& input = inputs_[current_];
  if (input.kind != Input::Kind::socket) return ipc::read_some(input.fd.get(), room);
  for (;;) {
    const ssize_t n = ::recv(input.fd.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (n >= 0 || errno != EINTR) return n;
  }
}

Source::State StreamSource::next(Record& record) {
  for (unsigned turn = 0; turn < kTurn; ++turn) {
    if (take(splitter_.next(), record)) return State::record;
    if (current_ == inputs_.size()) return State::end;
    if (would_wait()) return State::pending;
    const auto room = splitter_.room();
    const ssize_t n = read(room);
    if (n < 0 && errno == EAGAIN) return State::pending;
    if (n < 0) ipc::throw_errno("", inputs_[current_].name);
    if (n > 0) {
      splitter_.filled(static_cast<std::size_t>(n));
      continue;
    }
    inputs_[current_++].fd.reset();
    if (take(splitter_.last(), record)) return State::record;
  }
  return State::busy;
}

ValueSource::ValueSource(std::vector<std::vector<std::string>> groups)
    : groups_(std::move(groups)), at_(groups_.size()), total_(1) {
  for (const auto& group : groups_) {
    ended_ |= group.empty();
    std::uint64_t product = 0;
    if (total_ && __builtin_mul_overflow(*total_, group.size(), &product)) {
      total_.reset();
    } else if (total_) {
      total_ = product;
    }
  }
}

Source::State ValueSource::next(Record& record) {
  if (ended_) return State::end;
  record.fields.clear();
  record.too_long = false;
  for (std::size_t i = 0; i < groups_.size(); ++i) record.fields.push_back(groups_[i][at_[i]]);
  std::size_t i = groups_.size();
  while (i > 0 && ++at_[i - 1] == groups_[i - 1].size()) at_[--i] = 0;
  ended_ = i == 0;
  return State::record;
}

std::unique_ptr<Source> make_source(const Config& config) {
  if (!config.groups.empty()) return std::make_unique<ValueSource>(config.groups);
  return std::make_unique<StreamSource>(config.files, config.delimiter.front());
}
