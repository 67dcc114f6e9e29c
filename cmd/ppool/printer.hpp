#pragma once
/// What comes out of ppool, and in which order: jobs' outputs by the mode's rule (Mode in config.hpp), ppool's own
/// messages between them, and the progress bar, which gives way to both.
///
/// A job is handed over when it has ended, and handed back when the last byte of its output has been written:
/// only then may it be logged.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config.hpp"
#include "ipc/output.hpp"
#include "job.hpp"

class Printer {
 public:
  /// Called for each job whose output has been written whole.
  using Written = std::function<void(const Job&)>;

  Printer(const Config& config, ipc::SpoolStore& store, Written written);

  /// stdout and stderr are one file, so that a job's two streams should be one pipe.
  [[nodiscard]] bool merged() const noexcept { return !errors_; }

  /// Gives the job its place in the order (-k). It must stay where it is until finish().
  void begin(Job& job);
  /// Takes what a job wrote. Throws ipc::Error when it can be held neither in memory nor on disk.
  void data(Job& job, std::size_t stream, std::string_view bytes);
  /// Forgets what it wrote, for another try. (What went out as it came cannot be called back.)
  void forget(Job& job);
  /// The job runs now: in the order of the input, the first one's output need not wait.
  void started(Job& job);
  void finish(std::unique_ptr<Job> job);

  /// Forgets the order: the jobs that have a place in it are about to be destroyed.
  void abandon() noexcept { order_.clear(); }

  /// A message of ppool itself, on stderr.
  void say(std::string_view message);
  /// A line on stderr as it is.
  void say_line(std::string_view line);
  /// Shows `bar` (empty: nothing) below the output, if it would not overwrite an unfinished line.
  void show_bar(std::string_view bar);

  /// Hands back what has been written, after an Output became writable.
  void flush();

  /// This stream of the job goes out as it comes, and its reader is behind: do not read more from it now.
  [[nodiscard]] bool must_pause(const Job& job, std::size_t stream);
  /// Finished jobs whose output the reader has not taken yet.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  /// Jobs that have a place in the order (-k): the first is not finished.
  [[nodiscard]] std::size_t places() const noexcept { return order_.size(); }
  [[nodiscard]] bool blocked() const noexcept;

  [[nodiscard]] ipc::Output& out() noexcept { return out_; }
  [[nodiscard]] ipc::Output& err() noexcept { return errors_ ? *errors_ : out_; }

 private:
  struct Place {
    std::uint64_t seq;
    Job* job;
    std::unique_ptr<Job> finished;
  };
  struct Waiting {
    std::unique_ptr<Job> job;
    std::uint64_t out;  ///< Output::accepted() after its last byte
    std::uint64_t err;
  };

  [[nodiscard]] bool streams(const Job& job) const noexcept;
  [[nodiscard]] ipc::Output& output(std::size_t stream) noexcept { return stream == 0 ? out_ : err(); }
  [[nodiscard]] std::string_view tagged(Job& job, std::size_t stream, std::string_view bytes);
  void data_of_lines(Job& job, std::size_t stream, std::string_view bytes);
  void emit(std::size_t stream, std::string_view bytes);
  void emit_held(Job& job, std::size_t stream);
  void emit_held(Job& job);
  void hand_over(std::unique_ptr<Job> job);
  void advance();
  void settle();
  void hide_bar();

  Mode mode_;
  std::uint64_t retries_;
  Written written_;
  ipc::Output out_;
  std::optional<ipc::Output> errors_;
  std::deque<Place> order_;
  std::deque<Waiting> waiting_;
  std::string scratch_;
  std::string bar_;            ///< on the screen now
  bool terminal_shared_;       ///< jobs' output goes to the terminal that the bar is on
  bool on_fresh_line_ = true;  ///< of that terminal
};
