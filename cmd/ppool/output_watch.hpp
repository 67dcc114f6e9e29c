#pragma once
/// Keeps the event loop's watch on ppool's outputs in step with what they wait for: room to write while something is
/// pending, and on stdout always for its reader going away, which must be noticed even while nothing is printed.

#include "ipc/event_loop.hpp"
#include "printer.hpp"

class OutputWatch {
 public:
  OutputWatch(ipc::EventLoop& loop, Printer& printer, ipc::Token out, ipc::Token err)
      : loop_(loop), printer_(printer), out_(out), err_(err) {
    (void)loop_.watch(printer_.out().descriptor(), Interest::hang_up, out_);
  }

  /// After anything may have been written.
  void update() {
    const bool out_blocked = printer_.out().blocked();
    if (!reader_gone_ && out_blocked != out_waits_) {
      loop_.change(printer_.out().descriptor(), out_blocked ? Interest::write : Interest::hang_up, out_);
    }
    out_waits_ = out_blocked;
    const bool err_blocked = !printer_.merged() && printer_.err().blocked();
    if (err_blocked && !err_waits_) (void)loop_.watch(printer_.err().descriptor(), Interest::write, err_);
    if (!err_blocked && err_waits_) loop_.unwatch(printer_.err().descriptor());
    err_waits_ = err_blocked;
  }

  /// The end of stdout's reader would be told again and again.
  void forget_reader() noexcept {
    if (!reader_gone_) loop_.unwatch(printer_.out().descriptor());
    reader_gone_ = true;
  }

 private:
  using Interest = ipc::EventLoop::Interest;
  ipc::EventLoop& loop_;
  Printer& printer_;
  ipc::Token out_;
  ipc::Token err_;
  bool out_waits_ = false;
  bool err_waits_ = false;
  bool reader_gone_ = false;
};
