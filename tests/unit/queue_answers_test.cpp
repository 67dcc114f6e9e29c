#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "child.hpp"
#include "eventually.hpp"
#include "ipc/pipe.hpp"
#include "ipc/wall_timer.hpp"
#include "queue_place.hpp"
#include "queue_use.hpp"
#include "tap.hpp"

namespace {

using ipc::Deadline;
using queue::FileQueue;
using State = queue::FileQueue::Answer::State;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Deadline kNow = Deadline::past();

queue::PutOptions question(ipc::Duration keep = hours(1)) {
  queue::PutOptions options;
  options.wants_answer = true;
  options.keep = keep;
  return options;
}

/// As a worker does: takes the next one, answers it, and is done with it.
void answer_next(FileQueue& queue, int status, std::string_view bytes) {
  const auto leased = queue.lease_one();
  require(leased.stop == queue::Stop::none, "something to answer");
  check(leased.message.wants_answer);
  queue.answer(leased.message.id, status, bytes);
  check(queue.done(leased.lease));
}

/// Files that answers take up.
std::size_t files(const QueuePlace& place) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(place.path() + "/answers")) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count;
}

/// As `pqueue result` does it.
FileQueue::Answer read(FileQueue& queue, std::uint64_t id, ipc::Deadline deadline, queue::Watched watched) {
  const auto answer = queue.result(id, deadline, watched);
  if (answer.state == State::ready || answer.state == State::dropped) queue.answer_was_read(id);
  return answer;
}

}  // namespace

TEST("an answer has its status and its bytes, and is given once") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  check_equal(read(*queue, id, kNow, {}).state, State::not_yet);
  const std::string bytes = std::string("a\0b\n", 4) + std::string(100000, 'x');
  answer_next(*queue, 137, bytes);
  const auto answer = read(*queue, id, kNow, {});
  check_equal(answer.state, State::ready);
  check_equal(answer.status, 137);
  check(answer.bytes == bytes);
  check_equal(read(*queue, id, kNow, {}).state, State::unknown, "it has been read");
  check_equal(files(place), 0U);
}

TEST("each message of many has its own") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t first = put(*queue, numbered(5), question());
  for (int i = 0; i < 5; ++i) answer_next(*queue, i, std::to_string(i));
  for (int i = 4; i >= 0; --i) {
    const auto answer = read(*queue, first + static_cast<std::uint64_t>(i), kNow, {});
    check_equal(answer.state, State::ready);
    check_equal(answer.status, i);
    check_equal(answer.bytes, std::to_string(i));
  }
  check_equal(files(place), 0U);
}

TEST("an id that never was, or wanted none, is unknown") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"plain"});
  for (const std::uint64_t any : {id, id + 1, std::uint64_t{0}, ~std::uint64_t{0}}) {
    check_equal(read(*queue, any, Deadline::never(), {}).state, State::unknown);
  }
  queue->answer(id, 0, "nobody wants it");
  check_equal(read(*queue, id, kNow, {}).state, State::unknown);
  check_equal(files(place), 0U);
}

TEST("who waits in another process has it, however many wait") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, numbered(3), question());
  std::vector<Child> waiters;
  for (std::uint64_t i = 0; i < 3; ++i) {
    waiters.emplace_back([&place, id, i] {
      const auto answer = read(*place.open(), id + i, Deadline::after(seconds(20)), {});
      return answer.state == State::ready && answer.bytes == std::to_string(i) ? 0 : 1;
    });
  }
  check(eventually([&] { return files(place) == 6; }), "three bells");
  for (int i = 0; i < 3; ++i) answer_next(*queue, 0, std::to_string(i));
  for (Child& waiter : waiters) check_equal(waiter.wait().status(), 0);
  check_equal(files(place), 0U);
}

TEST("an empty answer is one") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  answer_next(*queue, 0, {});
  const auto answer = read(*queue, id, kNow, {});
  check_equal(answer.state, State::ready);
  check(answer.bytes.empty());
}

TEST("of two answers the last one counts, until it is read") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  queue->answer(id, 1, "first");
  queue->answer(id, 2, "second");
  const auto answer = read(*queue, id, kNow, {});
  check_equal(answer.status, 2);
  check_equal(answer.bytes, "second");
  queue->answer(id, 3, "too late");
  check_equal(read(*queue, id, kNow, {}).state, State::unknown);
}

TEST("waiting ends at the deadline, and for what is watched; the answer may still come") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  check_equal(read(*queue, id, Deadline::after(milliseconds(20)), {}).state, State::not_yet);
  ipc::Pipe pipe = ipc::Pipe::create();
  pipe.write_end.reset();
  pollfd watched{pipe.read_end.get(), POLLIN, 0};
  check_equal(read(*queue, id, Deadline::never(), {&watched, 1}).state, State::watched);
  answer_next(*queue, 5, "now");
  check_equal(read(*queue, id, kNow, {}).status, 5);
  check_equal(files(place), 0U);
}

TEST("a question that is purged is dropped, and who waits for it is told") {
  for (const bool delayed : {false, true}) {
    const QueuePlace place;
    const auto queue = place.open();
    auto options = question();
    if (delayed) options.delay = hours(1);
    const std::uint64_t id = put(*queue, {"?", "?"}, options);
    Child waiter([&] {
      return read(*place.open(), id, Deadline::after(seconds(20)), {}).state == State::dropped ? 0 : 1;
    });
    check(eventually([&] { return files(place) == 3; }));
    check_equal(queue->purge(), 2U);
    check_equal(waiter.wait().status(), 0);
    check_equal(read(*queue, id + 1, kNow, {}).state, State::dropped);
  }
}

TEST("the end of the queue is the end of waiting") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  Child waiter([&] {
    return read(*place.open(), id, Deadline::after(seconds(20)), {}).state == State::removed ? 0 : 1;
  });
  check(eventually([&] { return files(place) == 2; }));
  check_equal(FileQueue::remove(place.path(), true), FileQueue::Removal::removed);
  check_equal(waiter.wait().status(), 0);
  check(!std::filesystem::exists(place.path()), "nothing of it is left");
}

TEST("an answer is kept for its time, and not longer") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t brief = put(*queue, {"?"}, question(milliseconds(1)));
  const std::uint64_t kept = put(*queue, {"?"}, question());
  answer_next(*queue, 0, "brief");
  answer_next(*queue, 0, "kept");
  const std::int64_t over = ipc::wall_time() + 2'000'000;
  check(eventually([&] { return ipc::wall_time() > over; }));
  check_equal(read(*queue, brief, kNow, {}).state, State::unknown);
  check_equal(read(*queue, kept, kNow, {}).state, State::ready);
}

TEST("places and answers are in a copy, too") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t answered = put(*queue, {"?"}, question());
  const std::uint64_t open = put(*queue, {"?"}, question());
  answer_next(*queue, 0, "yes");
  const auto copy = place.open_copy();
  check_equal(read(*copy, answered, kNow, {}).bytes, "yes");
  check_equal(read(*copy, open, kNow, {}).state, State::not_yet);
  answer_next(*copy, 0, "no");
  check_equal(read(*copy, open, kNow, {}).bytes, "no");
  check_equal(read(*queue, open, kNow, {}).state, State::not_yet);
}

TEST("a file that is no answer is none") {
  const QueuePlace place;
  const auto queue = place.open();
  const std::uint64_t id = put(*queue, {"?"}, question());
  const std::string path = place.path() + "/answers/" + std::to_string(id);
  for (const char* text : {"", "x", "ipcqueue"}) {
    std::ofstream(path, std::ios::binary) << text;
    check_equal(read(*queue, id, kNow, {}).state, State::unknown, text);
  }
}

TEST("what is settled without an answer will have none: whoever asks is told") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, numbered(3), question());
  check_equal(queue->take(3, kNow, {}).messages.size(), 3U);
  queue->settle(1);
  check(queue->result(1, kNow, {}).state == State::dropped);
  check(queue->result(2, kNow, {}).state == State::not_yet, "it went back");
  const auto leased = queue->lease_for(hours(1), kNow, {});
  check(queue->result(2, kNow, {}).state == State::not_yet);
  check(queue->done(leased.lease));
  check(queue->result(2, kNow, {}).state == State::dropped);
  answer_next(*queue, 0, "yes");
  check(queue->result(3, kNow, {}).state == State::ready, "one that has an answer keeps it");
}

TEST("a caller that gave up leaves no bell for ever") {
  const QueuePlace place;
  const auto queue = place.open();
  put(*queue, {"first", "second"}, question());
  check(queue->result(1, Deadline::after(milliseconds(1)), {}).state == State::not_yet);
  check(queue->result(2, Deadline::after(milliseconds(1)), {}).state == State::not_yet);
  check_equal(files(place), 4U, "places and bells");
  std::filesystem::remove(place.path() + "/answers/1");
  place.store()->header().swept = 0;
  queue->answer(2, 0, "yes");
  check(!std::filesystem::exists(place.path() + "/answers/1.bell"));
  check(std::filesystem::exists(place.path() + "/answers/2.bell"), "somebody may wait for that one");
}
