#include "getter.hpp"

#include <algorithm>

#include "ipc/exit_status.hpp"
#include "subject.hpp"

namespace {

/// More would make no write larger, and would be out of reach for other getters.
constexpr std::uint64_t kMostTogether = 2048;

}  // namespace

template <class Take>
queue::Stop Getter::wait(Take&& take) {
  // The usual case, that there is something, needs neither clock nor descriptors.
  queue::Stop stop = take(ipc::Deadline::past(), queue::Watched());
  if (stop != queue::Stop::empty || !waits()) return stop;
  const ipc::Deadline deadline = deadline_of(config_);
  do {
    const auto watched = delivery_.watched();
    stop = take(deadline, watched);
    if (stop == queue::Stop::watched) delivery_.look_at_watched();
  } while (stop == queue::Stop::watched && !delivery_.interruption());
  return stop;
}

int Getter::status_of(queue::Stop stop) const {
  switch (stop) {
    case queue::Stop::closed:
      return got_ > 0 && (config_.follow || !waits()) ? ipc::kExitSuccess : ipc::kExitClosed;
    case queue::Stop::removed: complain(config_, "removed"); return ipc::kExitClosed;
    default: break;
  }
  if (waits()) return gave_up(config_);
  return got_ > 0 ? ipc::kExitSuccess : ipc::kExitNo;
}

void Getter::end_round(std::uint64_t count) {
  got_ += count;
  if (delivery_.has_news_of_ambiguity())
    complain(config_, "a message holds the delimiter of the output (see --len)");
  after_batch_();
}

int Getter::run(queue::Queue& queue, std::uint64_t most) {
  while (got_ < most) {
    const queue::Batch* batch = nullptr;
    const auto wanted = static_cast<std::size_t>(std::min(most - got_, kMostTogether));
    const queue::Stop stop = wait([&](ipc::Deadline deadline, queue::Watched watched) {
      batch = &queue.take(wanted, deadline, watched);
      return batch->messages.empty() ? batch->stop : queue::Stop::none;
    });
    if (stop != queue::Stop::none) return status_of(stop);
    const std::size_t count = delivery_.print(batch->messages);
    const bool is_last = got_ + count >= most || delivery_.interruption();
    queue.settle(count, is_last ? queue::Then::ends : queue::Then::goes_on);
    end_round(count);
    if (got_ < most) delivery_.look_for_signals();
    if (delivery_.interruption()) break;
  }
  return ipc::kExitSuccess;
}

int Getter::lend(queue::FileQueue& queue, std::uint64_t most) {
  while (got_ < most) {
    queue::FileQueue::Leased leased;
    const queue::Stop stop = wait([&](ipc::Deadline deadline, queue::Watched watched) {
      leased = queue.lease_for(*config_.lease_time, deadline, watched);
      return leased.stop;
    });
    if (stop != queue::Stop::none) return status_of(stop);
    std::string text = queue::FileQueue::lease_text(leased.lease) + '\t';
    text += leased.message.bytes;
    queue::Message message = leased.message;
    message.bytes = text;
    const std::size_t count = delivery_.print({&message, 1});
    if (count == 0) (void)queue.give_back(leased.lease, ipc::Duration::zero(), false);
    end_round(count);
    if (got_ < most) delivery_.look_for_signals();
    if (delivery_.interruption()) break;
  }
  return ipc::kExitSuccess;
}
