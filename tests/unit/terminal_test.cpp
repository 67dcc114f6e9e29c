#include "ipc/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "child.hpp"
#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "ipc/fd.hpp"
#include "tap.hpp"

namespace {

using ipc::Terminal;

static_assert(!std::is_copy_constructible_v<Terminal> && std::is_nothrow_move_constructible_v<Terminal>);

/// A pseudo-terminal: the end where a user would sit, and the name of the other.
struct PseudoTerminal {
  ipc::Fd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  std::string path;

  PseudoTerminal() {
    require(master && ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0, "a pseudo-terminal");
    char name[64];
    require(::ptsname_r(master.get(), name, sizeof name) == 0);
    path = name;
  }
  [[nodiscard]] ipc::Fd open() const { return ipc::open_file(path, O_RDWR | O_NOCTTY); }
};

/// Runs `body` in a session whose controlling terminal is a new one, as its leader and in the foreground; the terminal
/// is at the descriptor that `body` gets. What it returns is expected to be 0.
template <class Body>
void on_terminal(Body&& body, tap::Here at = tap::Here::current()) {
  const PseudoTerminal pseudo;
  const auto ending = in_child([&] {
    if (::setsid() < 0) return 90;
    const ipc::Fd tty = ipc::open_file(pseudo.path, O_RDWR);
    if (::ioctl(tty.get(), TIOCSCTTY, 0) != 0) return 91;
    return body(tty.get());
  });
  check_equal(ending.status(), 0, {}, at);
}

/// In a group of its own, until it is killed.
Child grouped_child() {
  Child child([] {
    ::setpgid(0, 0);
    for (;;) ::pause();
    return 0;
  });
  ::setpgid(child.pid(), child.pid());
  return child;
}

bool is_blocked(int signal) {
  sigset_t set;
  ::sigprocmask(SIG_BLOCK, nullptr, &set);
  return sigismember(&set, signal) == 1;
}

}  // namespace

TEST("without a controlling terminal there is none") {
  const PseudoTerminal pseudo;
  const auto ending = in_child([&] {
    if (::setsid() < 0) return 90;
    const ipc::Fd other = pseudo.open();  // open, and yet not ours
    return Terminal::open().has_value() ? 1 : 0;
  });
  check_equal(ending.status(), 0);
}

TEST("SIGTTOU is blocked while it lives, and as before at its end") {
  on_terminal([](int) {
    for (const bool blocked : {false, true}) {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGTTOU);
      ::sigprocmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
      {
        auto terminal = Terminal::open();
        if (!terminal || !is_blocked(SIGTTOU)) return 1;
        const Terminal moved(std::move(*terminal));
        terminal.reset();
        if (!is_blocked(SIGTTOU)) return 2;
      }
      if (is_blocked(SIGTTOU) != blocked) return 3;
    }
    return 0;
  });
}

TEST("the foreground is ours until it is given away, and again when it is taken back") {
  on_terminal([](int tty) {
    auto terminal = Terminal::open();
    if (!terminal || !terminal->is_ours() || terminal->is_lent()) return 1;
    const Child child = grouped_child();
    terminal->give(child.pid());
    if (::tcgetpgrp(tty) != child.pid() || !terminal->is_lent() || terminal->is_ours()) return 2;
    if (!terminal->is_with(child.pid()) || terminal->is_with(::getpgrp())) return 4;
    terminal->take_back();
    if (::tcgetpgrp(tty) != ::getpgrp() || terminal->is_lent() || !terminal->is_ours()) return 3;
    return 0;
  });
}

TEST("its end takes the foreground back, that of one that was moved from does not") {
  on_terminal([](int tty) {
    const Child child = grouped_child();
    {
      auto first = Terminal::open();
      first->give(child.pid());
      const Terminal second(std::move(*first));
      first.reset();
      if (::tcgetpgrp(tty) != child.pid() || !second.is_lent()) return 1;
    }
    return ::tcgetpgrp(tty) == ::getpgrp() ? 0 : 2;
  });
}

TEST("what somebody else has is not taken back") {
  on_terminal([](int tty) {
    const Child child = grouped_child();
    const Child shell = grouped_child();
    {
      auto terminal = Terminal::open();
      terminal->take_back();  // never lent
      if (::tcgetpgrp(tty) != ::getpgrp()) return 1;
      terminal->give(child.pid());
      if (::tcsetpgrp(tty, shell.pid()) != 0) return 2;
      terminal->take_back();
      if (::tcgetpgrp(tty) != shell.pid() || terminal->is_lent()) return 3;
    }
    return ::tcgetpgrp(tty) == shell.pid() ? 0 : 4;
  });
}

TEST("a group that is none is not lent to") {
  on_terminal([](int tty) {
    auto terminal = Terminal::open();
    terminal->give(0x7FFFFFF0);
    return !terminal->is_lent() && terminal->is_ours() && ::tcgetpgrp(tty) == ::getpgrp() ? 0 : 1;
  });
}

TEST("only descriptors of this very terminal are at it") {
  const PseudoTerminal other;
  on_terminal([&](int tty) {
    const auto terminal = Terminal::open();
    const ipc::Fd stranger = other.open();
    const ipc::Fd null = ipc::open_file("/dev/null", O_RDWR);
    const ipc::Fd copy = ipc::duplicate(tty);
    if (!terminal->is_at(tty) || !terminal->is_at(copy.get()) || !terminal->is_at(terminal->descriptor()))
      return 1;
    if (terminal->is_at(stranger.get()) || terminal->is_at(null.get()) || terminal->is_at(9999)) return 2;
    return closes_on_exec(terminal->descriptor()) ? 0 : 3;
  });
}

TEST("no descriptor to spare is an Error, not a missing terminal") {
#ifdef __SANITIZE_ADDRESS__
  skip("the sanitizer needs a descriptor to look at an exception");
#endif
  on_terminal([](int) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = static_cast<rlim_t>(ipc::duplicate(0).get());
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
      return Terminal::open().has_value() ? 1 : 2;
    } catch (const ipc::Error& error) {
      return error.errnum() == EMFILE && !is_blocked(SIGTTOU) ? 0 : 3;
    }
  });
}
