#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/error.hpp"
#include "ipc/file_lock.hpp"
#include "kernel_place.hpp"
#include "latch.hpp"
#include "queue/kernel_queue.hpp"
#include "tap.hpp"

namespace {

using ipc::BadValue;
using queue::KernelQueue;
using queue::Shape;

std::string refusal(const KernelPlace& place, const Shape& shape, tap::Here at = tap::Here::current()) {
  return check_throws<BadValue>([&] { (void)place.open(shape); }, {}, at);
}

/// What is at the path is refused by all, and left as it is.
void check_refused(const KernelPlace& place, const std::string& why = "not a kernel queue",
                   tap::Here at = tap::Here::current()) {
  const std::string before = place.text();
  check_equal(refusal(place, kernel_shape(), at), why, {}, at);
  check_equal(check_throws<BadValue>([&] { (void)place.open(std::nullopt); }, {}, at), why, {}, at);
  check_equal(check_throws<BadValue>([&] { (void)KernelQueue::remove(place.path()); }, {}, at), why, {}, at);
  check(place.text() == before, "it was touched", at);
}

std::uint64_t bound_of(const KernelPlace& place) { return place.open(std::nullopt)->stat().max_bytes; }

msqid_ds kernel_data(const KernelPlace& place) {
  msqid_ds data{};
  require(::msgctl(place.id(), IPC_STAT, &data) == 0);
  return data;
}

}  // namespace

TEST("it is made when it is missing and the shape asks for it, for its owner alone") {
  const KernelPlace place;
  check(place.open(std::nullopt) == nullptr);
  const Shape says_nothing;
  check(KernelQueue::open(place.path(), &says_nothing) == nullptr);
  check(!place.is_there());
  ::umask(0);
  (void)place.open();
  ::umask(022);
  struct stat status {};
  require(::stat(place.path().c_str(), &status) == 0);
  check_equal(status.st_mode & 07777U, 0600U);
  check_equal(kernel_data(place).msg_perm.mode & 0777U, 0600U);
  check(KernelQueue::open(place.path(), &says_nothing) != nullptr, "any that stands will do");
}

TEST("the mode that was asked for is both the file's and the queue's, whatever the umask") {
  const KernelPlace place;
  Shape shape = kernel_shape();
  shape.mode = 0660;
  (void)place.open(shape);
  struct stat status {};
  require(::stat(place.path().c_str(), &status) == 0);
  check_equal(status.st_mode & 07777U, 0660U);
  check_equal(kernel_data(place).msg_perm.mode & 0777U, 0660U);
  place.remove_queue();
  (void)place.open();
  check_equal(kernel_data(place).msg_perm.mode & 0777U, 0660U, "also of one that is made anew");
}

TEST("a use makes it look young to what clears old files away") {
  const KernelPlace place;
  (void)place.open();
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  require(::utimensat(AT_FDCWD, place.path().c_str(), old, 0) == 0);
  (void)place.open(std::nullopt);
  struct stat status {};
  require(::stat(place.path().c_str(), &status) == 0);
  check(status.st_mtime > 1000);
}

TEST("eight that make it at the same time get the same one") {
  for (int round = 0; round < 10; ++round) {
    const KernelPlace place;
    Latch start;
    std::vector<Child> racers;
    for (int i = 0; i < 8; ++i) {
      racers.emplace_back([&] { return start.wait() && put(*place.open(), {"x"}) == 1 ? 0 : 1; });
    }
    for (int i = 0; i < 8; ++i) start.open();
    for (auto& racer : racers) check_equal(racer.wait().status(), 0);
    check_equal(taken(*place.open(std::nullopt)).size(), 8U);
  }
}

TEST("many that make and remove it at the same time leave nothing in the kernel") {
  const KernelPlace place;
  const auto ending = in_child([&] {
    if (::unshare(CLONE_NEWIPC) != 0) return 98;
    std::vector<Child> racers;
    for (int i = 0; i < 6; ++i) {
      racers.emplace_back([&, i] {
        for (int round = 0; round < 40; ++round) {
          const auto queue = place.open();
          if (queue == nullptr) return 1;
          (void)put(*queue, {"x"});
          if ((round + i) % 2 == 0) (void)KernelQueue::remove(place.path());
        }
        return 0;
      });
    }
    for (auto& racer : racers) {
      if (racer.wait().status() != 0) return 1;
    }
    (void)KernelQueue::remove(place.path());
    msginfo info{};
    ::msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds*>(&info));
    return place.is_there() || info.msgpool != 0 ? 3 : 0;
  });
  if (ending.code == 98) skip("no IPC namespace to be had");
  check_equal(ending.status(), 0);
}

TEST("a maker that was killed before it had made the kernel's queue leaves what others go on from") {
  const KernelPlace place;
  Shape shape = kernel_shape(true);
  shape.max_bytes = 4000;
  (void)place.open(shape);
  const std::string before = place.text();
  place.remove_queue();
  const auto queue = place.open(std::nullopt);
  require(queue != nullptr);
  check(place.text() == before, "nothing but the kernel's queue was missing");
  check_equal(queue->stat().max_bytes, 4000U);
  check(queue->is_packed());
  check_equal(put(*queue, {"x"}), 1U);
}

TEST("one that was killed before the queue had its bound, too") {
  const KernelPlace place;
  const auto usual = place.open()->stat().max_bytes;
  check(KernelQueue::remove(place.path()));
  Shape shape = kernel_shape();
  shape.max_bytes = 4000;
  (void)place.open(shape);
  msqid_ds data = kernel_data(place);
  data.msg_qbytes = usual;
  require(::msgctl(place.id(), IPC_SET, &data) == 0);
  check_equal(bound_of(place), 4000U);
}

TEST("a bound that others have given it since, and that may not be taken back, is lived with") {
  if (::geteuid() != 0) skip("cannot become another user");
  const KernelPlace place;
  Shape shape = kernel_shape();
  shape.max_bytes = 4000;
  shape.mode = 0666;
  (void)place.open(shape);
  ::chmod(std::filesystem::path(place.path()).parent_path().c_str(), 0755);
  msqid_ds data = kernel_data(place);
  data.msg_qbytes = 5000;
  require(::msgctl(place.id(), IPC_SET, &data) == 0);
  const auto ending = in_child([&] {
    if (::setresuid(61234, 61234, 61234) != 0) return 98;
    const auto queue = place.open(std::nullopt);
    return queue->stat().max_bytes == 5000 && put(*queue, {"x"}) == 1 ? 0 : 1;
  });
  check_equal(ending.status(), 0);
}

TEST("who waits for a maker that is at it makes no second one") {
  const KernelPlace place;
  (void)place.open();
  place.remove_queue();
  const ipc::Fd file = ipc::open_file(place.path(), O_RDWR);
  auto lock = ipc::FileLock::try_lock(file.get(), ipc::FileLock::Mode::exclusive);
  Child opener([&] { return put(*place.open(), {"x"}) == 1 ? 0 : 1; });
  require(eventually([&] { return waits_in(opener.pid(), SYS_flock); }));
  const QueueKey made(place.key());
  (void)made.create();
  lock.reset();
  check_equal(opener.wait().status(), 0);
  check_equal(taken(*place.open(std::nullopt)).size(), 1U);
}

TEST("another user's queue under the same key is left alone") {
  if (::geteuid() != 0) skip("cannot become another user");
  const KernelPlace place;
  (void)place.open();
  place.remove_queue();
  const QueueKey others(place.key());
  const auto ending = in_child([&] {
    if (::setresuid(61234, 61234, 61234) != 0) return 98;
    (void)others.create(0666);
    return 0;
  });
  check_equal(ending.status(), 0);
  const auto queue = place.open();
  check(place.key() != others.key(), "there is a new key");
  check_equal(put(*queue, {"secret"}), 1U);
  check(taken(*place.open(std::nullopt)) == std::vector<std::string>{"secret"});
  const auto theirs = ipc::MessageQueue::open(others.key());
  check_equal(theirs->status()->messages, 0U);
  place.remove_queue();
}

TEST("root makes another user's anew for that user; nobody else does") {
  if (::geteuid() != 0) skip("cannot become another user");
  const KernelPlace place;
  (void)place.open();
  require(::chown(place.path().c_str(), 61234, 61234) == 0 && ::chmod(place.path().c_str(), 0666) == 0);
  ::chmod(std::filesystem::path(place.path()).parent_path().c_str(), 0755);
  place.remove_queue();
  const auto stranger = in_child([&] {
    if (::setresgid(61235, 61235, 61235) != 0 || ::setresuid(61235, 61235, 61235) != 0) return 98;
    try {
      (void)place.open(std::nullopt);
    } catch (const ipc::Error& error) {
      return error.errnum() == EPERM ? 0 : 1;
    }
    return 2;
  });
  check_equal(stranger.status(), 0);
  (void)place.open();
  const auto data = kernel_data(place);
  check_equal(data.msg_perm.uid, 61234U);
  check_equal(data.msg_perm.gid, 61234U);
  const auto owner = in_child([&] {
    if (::setresgid(61234, 61234, 61234) != 0 || ::setresuid(61234, 61234, 61234) != 0) return 98;
    return put(*place.open(std::nullopt), {"x"}) == 1 ? 0 : 1;
  });
  check_equal(owner.status(), 0);
}

TEST("in another IPC namespace it is refused, not made a second time") {
  const KernelPlace place;
  (void)place.open();
  const auto ending = in_child([&] {
    if (::unshare(CLONE_NEWIPC) != 0) return 98;
    try {
      (void)place.open();
    } catch (const BadValue& bad) {
      return std::string_view(bad.what()).find("IPC namespace") != std::string_view::npos ? 0 : 1;
    }
    return 2;
  });
  if (ending.code == 98) skip("no IPC namespace to be had");
  check_equal(ending.status(), 0);
  // As of an earlier boot.
  std::string header = place.text();
  for (std::size_t i = 48; i < 56; ++i) header[i] = static_cast<char>(header[i] ^ 0x55);
  place.remove_queue();
  place.put_file(header);
  header[56] = static_cast<char>(header[56] ^ 0x55);
  check_equal(put(*place.open(), {"x"}), 1U);
}

TEST("what is no kernel queue is refused, and left as it is") {
  const KernelPlace place;
  for (const std::string& text : {std::string(), std::string("hello\n"), std::string(200, 'x'),
                                  std::string("ipcutils sem 1\n\0", 16) + std::string(100, 'x')}) {
    place.put_file(text);
    check_refused(place);
  }
  (void)::unlink(place.path().c_str());
  (void)place.open();
  std::string header = place.text();
  check(KernelQueue::remove(place.path()));
  place.put_file(header.substr(0, header.size() - 1));
  check_refused(place);
  std::string zero = header;
  zero.replace(KernelPlace::kKeyAt, 4, 4, '\0');
  place.put_file(zero);
  check_refused(place);
  header[KernelPlace::kVersionAt] = 2;
  place.put_file(header);
  check_refused(place, "was made by a later version");
  (void)::unlink(place.path().c_str());
  require(::mkfifo(place.path().c_str(), 0600) == 0);
  check_equal(refusal(place, kernel_shape()), "not a kernel queue");
  (void)::unlink(place.path().c_str());
  require(::mkdir(place.path().c_str(), 0700) == 0);
  check_equal(refusal(place, kernel_shape()), "not a kernel queue");
}

TEST("what contradicts the one that stands is told, and what agrees is not") {
  const KernelPlace place;
  Shape made = kernel_shape();
  made.max_bytes = 4000;
  made.max_message = 100;
  made.mode = 0640;
  (void)place.open(made);
  check(place.open(made) != nullptr);
  check(place.open() != nullptr);
  Shape other = kernel_shape(true);
  check_equal(refusal(place, other), "is not packed");
  other = kernel_shape();
  other.max_bytes = 4001;
  check_equal(refusal(place, other), "its bound in bytes is 4000, not 4001");
  other = kernel_shape();
  other.max_message = 99;
  check_equal(refusal(place, other), "its largest message in bytes is 100, not 99");
  other = kernel_shape();
  other.mode = 0600;
  check_equal(refusal(place, other), "its mode is 0640, not 0600");
}

TEST("what no kernel queue can do is told before anything is made") {
  const KernelPlace place;
  std::vector<Shape> shapes(6, kernel_shape());
  shapes[0].lifo = true;
  shapes[1].max_messages = 10;
  shapes[2].no_sync = true;
  shapes[3].max_bytes = 0;
  shapes[4].max_message = 0;
  shapes[5].max_message = ipc::MessageQueue::largest() + 1;
  for (const Shape& shape : shapes) {
    check(!refusal(place, shape).empty());
    check(!place.is_there());
  }
  check(refusal(place, shapes[5]).ends_with("(kernel.msgmax)"));
}

TEST("a bound that the system does not permit is refused, and leaves nothing") {
  if (::geteuid() != 0) skip("cannot become another user");
  const KernelPlace place;
  const auto ending = in_child([&] {
    if (::chmod(std::filesystem::path(place.path()).parent_path().c_str(), 0777) != 0) return 98;
    if (::setresgid(61234, 61234, 61234) != 0 || ::setresuid(61234, 61234, 61234) != 0) return 98;
    int refused = 0;
    for (const unsigned bits : {30U, 31U, 32U, 40U, 63U}) {
      Shape shape = kernel_shape();
      shape.max_bytes = std::uint64_t{1} << bits;
      try {
        (void)place.open(shape);
      } catch (const BadValue& bad) {
        refused += std::string_view(bad.what()).ends_with("(kernel.msgmnb)") && !place.is_there() ? 1 : 0;
      }
    }
    return refused;
  });
  check_equal(ending.status(), 5);
}

TEST("a bound is the queue's, and no message may be larger") {
  const KernelPlace place;
  for (const bool packed : {false, true}) {
    Shape shape = kernel_shape(packed);
    shape.max_bytes = 100;
    const auto queue = place.open(shape);
    check_equal(queue->max_message(), packed ? 99U : 100U);
    check_equal(put(*queue, {std::string(queue->max_message() + 1, 'x')}), 0U);
    check_equal(put(*queue, {std::string(queue->max_message(), 'x'), "y"}), 1U, "then it is full");
    check(KernelQueue::remove(place.path()));
  }
  Shape shape = kernel_shape();
  shape.max_message = 10;
  const auto queue = place.open(shape);
  check_equal(queue->max_message(), 10U);
  check_equal(put(*queue, {"1234567890", "12345678901"}), 1U);
}

TEST("where the system has no more queues that is said, and nothing is left") {
  const KernelPlace place;
  const auto ending = in_child([&] {
    if (::unshare(CLONE_NEWIPC) != 0) return 98;
    const int limit = ::open("/proc/sys/kernel/msgmni", O_WRONLY);
    if (limit < 0 || ::write(limit, "0", 1) != 1) return 98;
    try {
      (void)place.open();
    } catch (const ipc::MessageQueue::NoMore&) {
      return place.is_there() ? 2 : 0;
    }
    return 1;
  });
  if (ending.code == 98) skip("no IPC namespace with a limit of its own to be had");
  check_equal(ending.status(), 0);
}

TEST("it is removed with all that is in it, once") {
  const KernelPlace place;
  check(!KernelQueue::remove(place.path()));
  const auto queue = place.open();
  check_equal(put(*queue, {"x"}), 1U);
  const QueueKey kernels(place.key());
  check(KernelQueue::remove(place.path()));
  check(!place.is_there());
  check(!kernels.exists());
  check(!KernelQueue::remove(place.path()));
  (void)place.open();
  place.remove_queue();
  check(KernelQueue::remove(place.path()), "also when the kernel's queue has gone before");
  check(!place.is_there());
}
