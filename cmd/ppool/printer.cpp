#include "printer.hpp"

#include <unistd.h>

#include <algorithm>

#include "ipc/diagnostics.hpp"

Printer::Printer(const Config& config, ipc::SpoolStore& store, Written written)
    : mode_(config.mode()),
      retries_(config.retries.value_or(0)),
      written_(std::move(written)),
      out_(STDOUT_FILENO, "stdout", store) {
  if (!ipc::same_file(STDOUT_FILENO, STDERR_FILENO)) errors_.emplace(STDERR_FILENO, "stderr", store);
  terminal_shared_ = err().is_terminal();
}

void Printer::begin(Job& job) {
  if (mode_ == Mode::ordered) order_.push_back({job.seq, &job, nullptr});
}

/// A try that may be followed by another must not show before it is known to be the last.
bool Printer::streams(const Job& job) const noexcept {
  return mode_ == Mode::ordered && !order_.empty() && order_.front().job == &job &&
         !job.may_be_tried_again(retries_);
}

std::string_view Printer::tagged(Job& job, std::size_t stream, std::string_view bytes) {
  if (job.tag.empty()) return bytes;
  scratch_.clear();
  bool at_start = job.at_line_start[stream];
  while (!bytes.empty()) {
    if (at_start) scratch_ += job.tag;
    const auto newline = bytes.find('\n');
    at_start = newline != std::string_view::npos;
    const std::size_t length = at_start ? newline + 1 : bytes.size();
    scratch_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return scratch_;
}

void Printer::data(Job& job, std::size_t stream, std::string_view bytes) {
  job.bytes_out += bytes.size();
  bytes = tagged(job, stream, bytes);
  job.at_line_start[stream] = bytes.back() == '\n';
  if (mode_ == Mode::lines) {
    data_of_lines(job, stream, bytes);
  } else if (streams(job)) {
    emit(stream, bytes);
  } else {
    job.output[stream].append(bytes);
  }
}

void Printer::data_of_lines(Job& job, std::size_t stream, std::string_view bytes) {
  ipc::Spool& partial = job.output[stream];
  const auto newline = bytes.rfind('\n');
  if (newline == std::string_view::npos) {
    partial.append(bytes);
    return;
  }
  emit_held(job, stream);
  emit(stream, bytes.substr(0, newline + 1));
  partial.append(bytes.substr(newline + 1));
}

void Printer::emit(std::size_t stream, std::string_view bytes) {
  if (bytes.empty()) return;
  hide_bar();
  if (output(stream).is_terminal()) on_fresh_line_ = bytes.back() == '\n';
  output(stream).write(bytes);
}

void Printer::emit_held(Job& job, std::size_t stream) {
  if (job.output[stream].empty()) return;
  hide_bar();
  if (output(stream).is_terminal()) on_fresh_line_ = job.at_line_start[stream];
  output(stream).write(std::move(job.output[stream]));
}

void Printer::emit_held(Job& job) {
  for (std::size_t stream = 0; stream < kStreams; ++stream) emit_held(job, stream);
}

void Printer::forget(Job& job) {
  for (auto& spool : job.output) spool.clear();
  job.at_line_start.fill(true);
  job.bytes_out = 0;
}

void Printer::started(Job& job) {
  if (streams(job)) emit_held(job);
}

void Printer::finish(std::unique_ptr<Job> job) {
  job->input = {};  // it may have to wait long
  if (mode_ == Mode::ordered) {
    std::ranges::lower_bound(order_, job->seq, {}, &Place::seq)->finished = std::move(job);
    advance();
  } else {
    for (std::size_t stream = 0; mode_ == Mode::lines && stream < kStreams; ++stream) {
      if (!job->output[stream].empty()) job->output[stream].append("\n");
      job->at_line_start[stream] = true;
    }
    hand_over(std::move(job));
  }
  settle();
}

void Printer::hand_over(std::unique_ptr<Job> job) {
  emit_held(*job);
  waiting_.push_back({std::move(job), out_.accepted(), err().accepted()});
}

/// Lets out the finished jobs at the head of the order, and begins to stream the unfinished one behind them.
void Printer::advance() {
  while (!order_.empty() && order_.front().finished) {
    hand_over(std::move(order_.front().finished));
    order_.pop_front();
  }
  if (!order_.empty() && streams(*order_.front().job)) emit_held(*order_.front().job);
}

void Printer::settle() {
  while (!waiting_.empty() && waiting_.front().out <= out_.written() &&
         waiting_.front().err <= err().written()) {
    written_(*waiting_.front().job);
    waiting_.pop_front();
  }
}

void Printer::flush() {
  out_.flush();
  if (errors_) errors_->flush();
  settle();
}

bool Printer::must_pause(const Job& job, std::size_t stream) {
  return output(stream).congested() && (mode_ == Mode::lines || streams(job));
}

bool Printer::blocked() const noexcept { return out_.blocked() || (errors_ && errors_->blocked()); }

void Printer::say(std::string_view message) { say_line(ipc::diagnostic("ppool", message)); }

void Printer::say_line(std::string_view line) {
  hide_bar();
  if (terminal_shared_ && !on_fresh_line_) err().write("\n");
  on_fresh_line_ = true;
  err().write(line);
}

void Printer::show_bar(std::string_view bar) {
  if (bar == bar_ || err().blocked() || (terminal_shared_ && !on_fresh_line_)) return;
  std::string text = "\r\033[K";
  text += bar;
  err().write(text);
  bar_ = bar;
}

void Printer::hide_bar() {
  if (!bar_.empty()) err().write("\r\033[K");
  bar_.clear();
}
