#pragma once
/// Keeps an event loop's watch on a tool's outputs in step with what they wait for: room to write while something is
/// pending, and on stdout always for its reader going away, which must be noticed even while nothing is printed.

#include "ipc/event_loop.hpp"
#include "ipc/output.hpp"

namespace ipc {

class OutputWatch {
 public:
  /// Borrows all. `err` is null where both streams are one.
  OutputWatch(EventLoop& loop, Output& out, Output* err, Token out_token, Token err_token)
      : loop_(loop), out_(out), err_(err), out_token_(out_token), err_token_(err_token) {
    (void)loop_.watch(out_.descriptor(), Interest::hang_up, out_token_);
  }

  /// After anything may have been written.
  void update() {
    const bool out_blocked = out_.blocked();
    if (!reader_gone_ && out_blocked != out_waits_) {
      loop_.change(out_.descriptor(), out_blocked ? Interest::write : Interest::hang_up, out_token_);
    }
    out_waits_ = out_blocked;
    const bool err_blocked = err_ != nullptr && err_->blocked();
    if (err_blocked && !err_waits_) (void)loop_.watch(err_->descriptor(), Interest::write, err_token_);
    if (!err_blocked && err_waits_) loop_.unwatch(err_->descriptor());
    err_waits_ = err_blocked;
  }

  /// The end of stdout's reader would be told again and again.
  void forget_reader() noexcept {
    if (!reader_gone_) loop_.unwatch(out_.descriptor());
    reader_gone_ = true;
  }

 private:
  using Interest = EventLoop::Interest;
  EventLoop& loop_;
  Output& out_;
  Output* err_;
  Token out_token_;
  Token err_token_;
  bool out_waits_ = false;
  bool err_waits_ = false;
  bool reader_gone_ = false;
};

}  // namespace ipc
