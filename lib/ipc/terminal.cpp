#include "ipc/terminal.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/error.hpp"

namespace ipc {

std::optional<Terminal> Terminal::open() {
  Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) throw_errno("", "/dev/tty");
  if (!terminal) return std::nullopt;
  return Terminal(std::move(terminal));
}

Terminal::Terminal(Fd terminal) noexcept : terminal_(std::move(terminal)) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

Terminal::~Terminal() {
  if (!terminal_) return;
  take_back();
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void Terminal::give(pid_t group) noexcept {
  if (::tcsetpgrp(terminal_.get(), group) == 0) lent_ = group;
}

void Terminal::take_back() noexcept {
  if (lent_ != 0 && ::tcgetpgrp(terminal_.get()) == lent_) ::tcsetpgrp(terminal_.get(), ::getpgrp());
  lent_ = 0;
}

bool Terminal::is_with(pid_t group) const noexcept { return ::tcgetpgrp(terminal_.get()) == group; }

bool Terminal::is_ours() const noexcept { return is_with(::getpgrp()); }

bool Terminal::is_at(int fd) const noexcept {
  // Only a descriptor of the caller's controlling terminal answers at all, besides masters of pseudo-terminals.
  return ::tcgetpgrp(fd) >= 0;
}

}  // namespace ipc
