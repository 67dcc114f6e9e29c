#include "terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "ipc/error.hpp"

Terminal::Terminal() : terminal_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
  if (!terminal_) throw ipc::UsageError("--tty: there is no terminal");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &set, &before_);
}

Terminal::~Terminal() {
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

bool Terminal::is_ours() const noexcept { return ::tcgetpgrp(terminal_.get()) == ::getpgrp(); }
