#include "delivery.hpp"

#include <cerrno>
#include <csignal>

#include "ipc/error.hpp"
#include "ipc/signals.hpp"

namespace {

/// What is longer is written from where it lies.
constexpr std::size_t kLong = 64 * 1024;
/// Written together: as much as a pipe can be made to hold, and small enough for a cache.
constexpr std::size_t kTogether = 256 * 1024;

}  // namespace

Delivery::Delivery(int fd, Framing framing, HeldSignals& signals)
    : sink_(fd), framer_(framing), signals_(signals) {}

std::size_t Delivery::print(std::span<const queue::Message> messages) {
  accepted_ = 0;
  for (const auto& message : messages) {
    if (interruption_) break;
    framer_.append_head(text_, message.bytes);
    if (message.bytes.size() > kLong) {
      flush();
      write(message.bytes);
    } else {
      text_ += message.bytes;
    }
    framer_.append_tail(text_);
    if (ambiguity_ == Ambiguity::none && framer_.is_ambiguous(message.bytes)) ambiguity_ = Ambiguity::met;
    if (text_.size() >= kTogether) flush();
  }
  flush();
  if (!interruption_) return messages.size();
  std::size_t count = 0;
  for (std::uint64_t bytes = 0; count < messages.size(); ++count) {
    bytes += framer_.size_of(messages[count].bytes);
    if (bytes > accepted_) break;
  }
  return count;
}

void Delivery::flush() {
  write(text_);
  text_.clear();
}

void Delivery::write(std::string_view bytes) {
  while (!bytes.empty() && !interruption_) {
    const std::size_t n = sink_.write_some(bytes);
    accepted_ += n;
    bytes.remove_prefix(n);
    if (n > 0) continue;
    if (sink_.errnum() == EPIPE) {
      interruption_.signal = SIGPIPE;
    } else if (sink_.errnum() != 0) {
      interruption_.errnum = sink_.errnum();
    } else {
      wait_for_room();
    }
  }
}

void Delivery::wait_for_room() {
  pollfd ready[] = {{sink_.descriptor(), POLLOUT, 0}, {signals_.descriptor(), POLLIN, 0}};
  if (::poll(ready, 2, -1) < 0) {
    if (errno != EINTR) interruption_.errnum = errno;
    return;
  }
  if (ready[1].revents != 0) look_for_signals();
}

std::span<pollfd> Delivery::watched() {
  watched_ = {{{sink_.descriptor(), 0, 0}, {signals_.descriptor(), POLLIN, 0}}};
  return watched_;
}

void Delivery::look_at_watched() noexcept {
  if ((watched_[0].revents & (POLLERR | POLLHUP)) != 0)
    interruption_.signal = sink_.is_terminal() ? SIGHUP : SIGPIPE;
  look_for_signals();
}

void Delivery::look_for_signals() noexcept {
  while (const auto signal = signals_.next()) {
    if (*signal != SIGTSTP) {
      interruption_.signal = *signal;
      return;
    }
    // Nobody waits for this process now: it is not its turn to wait.
    ipc::suffer_signal(SIGTSTP);
  }
}

bool Delivery::has_news_of_ambiguity() noexcept {
  if (ambiguity_ != Ambiguity::met) return false;
  ambiguity_ = Ambiguity::told;
  return true;
}
