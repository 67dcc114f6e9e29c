#include "source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"

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
    input.regular = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
    inputs_.push_back(std::move(input));
  }
}

bool StreamSource::take(const std::optional<ipc::RecordSplitter::Record>& found, Record& record) {
  if (!found) return false;
  record.fields.assign(1, std::string(found->bytes));
  record.too_long = found->too_long;
  return true;
}

bool StreamSource::may_block() const noexcept {
  if (inputs_[current_].regular) return false;
  pollfd ready{inputs_[current_].fd.get(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 0;
}

Source::State StreamSource::next(Record& record) {
  for (;;) {
    if (take(splitter_.next(), record)) return State::record;
    if (current_ == inputs_.size()) return State::end;
    if (may_block()) return State::pending;
    const auto room = splitter_.room();
    const ssize_t n = ipc::read_some(inputs_[current_].fd.get(), room);
    if (n < 0 && errno == EAGAIN) return State::pending;
    if (n < 0) ipc::throw_errno("", inputs_[current_].name);
    if (n > 0) {
      splitter_.filled(static_cast<std::size_t>(n));
      continue;
    }
    inputs_[current_++].fd.reset();
    if (take(splitter_.last(), record)) return State::record;
  }
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
