/// putter.hpp: what is put, when it is safe, and how much of it there was.

#include <stdexcept>
#include <string>
#include <vector>

#include "descriptors.hpp"
#include "fake_queue.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "putter.hpp"
#include "tap.hpp"

namespace {

using queue::Stop;

struct Put {
  Config config;
  FakeQueue queue;
  ipc::Pipe out = ipc::Pipe::create();
  Putter putter{config, queue};

  Stop put(const std::vector<std::string_view>& messages, bool more_follow = false) {
    const Redirect redirect(1, out.write_end.get());
    return putter.put(messages, more_follow);
  }
  [[nodiscard]] std::string printed() const { return read_present(out.read_end.get()); }
};

}  // namespace

TEST("a batch is put, then made safe, once") {
  Put put;
  check_equal(put.put({"a", "b"}), Stop::none);
  check_equal(put.put({"c"}), Stop::none);
  check_equal(put.queue.log, "put 2;sync;put 1;sync;");
  check_equal(put.putter.count(), 3);
  check_equal(put.printed(), "");
}

TEST("when more follows, a batch becomes safe meanwhile; the last, or one that stops short, at once") {
  Put put;
  check_equal(put.put({"a", "b"}, true), Stop::none);
  check_equal(put.put({"c"}, true), Stop::none);
  check_equal(put.put({"d"}), Stop::none);
  check_equal(put.queue.log, "put 2;begin;put 1;begin;put 1;sync;");
  put.queue.log.clear();
  check_equal(put.put({"e"}, true), Stop::none);
  put.putter.finish();
  put.putter.finish();
  check_equal(put.queue.log, "put 1;begin;sync;", "nothing is left for the second");
  put.config.timeout = ipc::Duration::zero();
  put.queue.log.clear();
  put.queue.room = 1;
  check_equal(put.put({"f", "g"}, true), Stop::full);
  check_equal(put.queue.log, "put 1;sync;");
}

TEST("who prints ids waits for each batch to be safe") {
  Put put;
  put.config.print_ids = true;
  check_equal(put.put({"a", "b"}, true), Stop::none);
  check_equal(put.queue.log, "put 2;sync;");
  check_equal(put.printed(), "1\n2\n");
}

TEST("ids are printed when their messages are safe") {
  Put put;
  put.config.print_ids = true;
  check_equal(put.put({"a", "b"}), Stop::none);
  check_equal(put.printed(), "1\n2\n");
  check_equal(put.put({"c"}), Stop::none);
  check_equal(put.printed(), "3\n");
}

TEST("full: those that fitted are put, safe and counted") {
  Put put;
  put.config.print_ids = true;
  put.config.timeout = ipc::Duration::zero();
  put.queue.room = 2;
  check_equal(put.put({"a", "b", "c"}), Stop::full);
  check_equal(put.queue.log, "put 2;sync;");
  check_equal(put.printed(), "1\n2\n");
  check_equal(put.putter.count(), 2);
  check_equal(put.put({"d"}), Stop::full);
  check_equal(put.queue.log, "put 2;sync;put 0;", "nothing to be made safe");
}

TEST("-t is for each wait: as long as some get in, it goes on") {
  Put put;
  put.config.timeout = std::chrono::hours(1);
  put.queue.room = 1;
  put.queue.room_comes = 2;
  check_equal(put.put({"a", "b", "c", "d", "e"}), Stop::none);
  check_equal(put.queue.log, "put 1;put 2;put 2;sync;");
  put.queue.room_comes = 0;
  check_equal(put.put({"f"}), Stop::full);
}

TEST("a message that is too long: those before it are put") {
  Put put;
  put.queue.longest = 3;
  check_equal(put.put({"a", "abcd", "b"}), Stop::too_large);
  check_equal(put.queue.log, "put 1;sync;");
  check_equal(put.putter.count(), 1);
}

TEST("an error in the middle: what was put before is made safe, and its ids are told") {
  Put put;
  put.config.print_ids = true;
  put.config.timeout = std::chrono::hours(1);
  put.queue.room = 2;
  put.queue.fails_when_full = true;
  check_throws<std::runtime_error>([&] { (void)put.put({"a", "b", "c"}); });
  check_equal(put.putter.count(), 2);
  check_equal(put.queue.log, "put 2;sync;");
  check_equal(put.printed(), "1\n2\n");
}

TEST("ids that cannot be printed are an error of stdout; the messages stay put") {
  const ipc::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) skip("no /dev/full here");
  Put put;
  put.config.print_ids = true;
  const Redirect redirect(1, full.get());
  check_equal(check_throws<ipc::Error>([&] { (void)put.putter.put(std::vector<std::string_view>{"a"}); }),
              "stdout: No space left on device");
  check_equal(put.queue.waiting.size(), 1);
  check_equal(put.putter.count(), 1);
}
