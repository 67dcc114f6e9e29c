#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "child.hpp"
#include "descriptors.hpp"
#include "latch.hpp"
#include "queue/bell.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using queue::listen;
using queue::ring;

struct Bell {
  Scratch scratch;
  ipc::Fd directory = ipc::open_file(scratch.path(), O_RDONLY | O_DIRECTORY);
  Bell() { require(::mkfifo((scratch / "bell").c_str(), 0600) == 0); }
  void ring() const { queue::ring(directory.get(), "bell"); }
  [[nodiscard]] ipc::Fd listen() const { return queue::listen(directory.get(), "bell"); }
};

bool heard(const ipc::Fd& fd, int timeout = 0) {
  pollfd one{fd.get(), POLLIN, 0};
  return ::poll(&one, 1, timeout) == 1 && (one.revents & POLLHUP) != 0;
}

}  // namespace

TEST("all who listen hear one ring") {
  const Bell bell;
  std::vector<ipc::Fd> listeners;
  for (int i = 0; i < 5; ++i) listeners.push_back(bell.listen());
  for (const ipc::Fd& listener : listeners) check(!heard(listener));
  bell.ring();
  for (const ipc::Fd& listener : listeners) check(heard(listener));
  for (const ipc::Fd& listener : listeners) check(heard(listener), "and go on hearing it");
  check(closes_on_exec(listeners[0].get()));
}

TEST("who comes later does not hear it, but the next") {
  const Bell bell;
  const ipc::Fd first = bell.listen();
  bell.ring();
  const ipc::Fd second = bell.listen();
  check(heard(first));
  check(!heard(second));
  bell.ring();
  check(heard(second));
  check(heard(first));
}

TEST("a ring that nobody hears is none") {
  const Bell bell;
  bell.ring();
  bell.ring();
  check(!heard(bell.listen()));
}

TEST("many rings are one, and nothing is to be read") {
  const Bell bell;
  const ipc::Fd listener = bell.listen();
  for (int i = 0; i < 1000; ++i) bell.ring();
  check(heard(listener));
  char byte = 0;
  check_equal(::read(listener.get(), &byte, 1), 0);
}

TEST("other processes hear it, also one that sleeps in poll") {
  const Bell bell;
  std::vector<Child> children;
  Latch ready;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([&] {
      const ipc::Fd listener = bell.listen();
      ready.open();
      return heard(listener, 20000) ? 0 : 1;
    });
  }
  for (int i = 0; i < 4; ++i) require(ready.wait());
  bell.ring();
  for (Child& child : children) check_equal(child.wait().status(), 0);
}

TEST("a bell that is not there is none, and to ring it does no harm") {
  const Bell bell;
  check(!listen(bell.directory.get(), "missing"));
  ring(bell.directory.get(), "missing");
  check(::access((bell.scratch / "missing").c_str(), F_OK) != 0);
}

TEST("a bell that is removed while somebody listens rings no more, but its listeners were told before") {
  const Bell bell;
  const ipc::Fd listener = bell.listen();
  bell.ring();
  check_equal(::unlink((bell.scratch / "bell").c_str()), 0);
  check(heard(listener));
  check(!bell.listen());
}

TEST("ringing leaves no descriptor open") {
  const Bell bell;
  const ipc::Fd before = ipc::duplicate(0, 10);
  for (int i = 0; i < 50; ++i) bell.ring();
  const ipc::Fd after = ipc::duplicate(0, 10);
  check_equal(after.get(), before.get() + 1);
}
