#include "descriptors.hpp"
#include "intake.hpp"
#include "ipc/pipe.hpp"
#include "tap.hpp"

namespace {

using State = Source::State;

Config config_of(std::vector<std::string> values) {
  Config config;
  config.command = {"true"};
  config.groups = {std::move(values)};
  return config;
}

ipc::SpoolStore store(0, "/nonexistent");

struct Bench {
  Config config;
  Launcher launcher;
  std::unique_ptr<Source> source;
  Intake intake;

  explicit Bench(Config what, ResumeIndex logged = {})
      : config(std::move(what)),
        launcher(config),
        source(make_source(config)),
        intake(config, *source, launcher, store, std::move(logged)) {}

  /// "SEQ:FIELD... " of every job.
  std::string all() {
    std::string text;
    std::unique_ptr<Job> job;
    for (;;) {
      const State state = intake.next(job);
      if (state != State::record) return text + (state == State::pending ? "..." : "");
      text += std::to_string(job->seq) + ':';
      for (const auto& field : job->input.fields) text += field;
      text += ' ';
    }
  }
};

/// The index after a run in which these jobs, by their place, ended so.
ResumeIndex after(const Config& config, const std::vector<bool>& successes) {
  Bench bench(config);
  ResumeIndex index;
  std::unique_ptr<Job> job;
  for (const bool success : successes) {
    require(bench.intake.next(job) == State::record);
    index.add(job->key, success);
  }
  return index;
}

Config logged(std::vector<std::string> values, bool resume, bool resume_failed = false) {
  Config config = config_of(std::move(values));
  config.joblog = "log";
  config.resume = resume;
  config.resume_failed = resume_failed;
  return config;
}

}  // namespace

TEST("jobs are numbered from 1") {
  Bench bench(config_of({"a", "b", "c"}));
  check_equal(bench.all(), "1:a 2:b 3:c ");
  check(bench.intake.ended());
  check_equal(bench.intake.known(), 3U);
  check_equal(bench.intake.passed_over(), 0U);
}

TEST("it ends when its source does, not before; pending is passed on") {
  ipc::Pipe pipe = ipc::Pipe::create();
  const Redirect redirect(0, pipe.read_end.get());
  pipe.read_end.reset();
  Config config;
  config.command = {"true"};
  Bench bench(config);
  check_equal(bench.all(), "...");
  check(!bench.intake.ended());
  check(!bench.intake.knows_total());
  check_equal(ipc::write_all(pipe.write_end.get(), "a\nb"), 0);
  check_equal(bench.all(), "1:a ...");
  check_equal(bench.intake.known(), 1U);
  pipe.write_end.reset();
  check_equal(bench.all(), "2:b ");
  check(bench.intake.ended());
  check(bench.intake.knows_total());
  check_equal(bench.intake.known(), 2U);
}

TEST("the total is known beforehand where each value is a job") {
  Bench values(config_of({"a", "", "c"}));
  check(values.intake.knows_total());
  check_equal(values.intake.known(), 3U);
  Config skipping = config_of({"a", "", "c"});
  skipping.skip_empty = true;
  Config several = config_of({"a", "", "c"});
  several.max_records = 2;
  Config fitting = config_of({"a", "", "c"});
  fitting.fit = true;
  for (const Config& config : {skipping, several, fitting}) {
    Bench bench(config);
    check(!bench.intake.knows_total());
    (void)bench.all();
    check(bench.intake.knows_total());
    check(bench.intake.known() < 3);
  }
}

TEST("--resume passes over what was logged, --resume-failed over what succeeded") {
  const ResumeIndex index = after(logged({"a", "b", "c"}, false), {true, false});
  Bench resumed(logged({"a", "b", "c"}, true), index);
  check_equal(resumed.all(), "3:c ");
  check_equal(resumed.intake.passed_over(), 2U);
  check_equal(resumed.intake.known(), 3U);
  Bench failed(logged({"a", "b", "c"}, false, true), index);
  check_equal(failed.all(), "2:b 3:c ");
}

TEST("it goes by the record and its occurrence, not by its place") {
  const ResumeIndex index = after(logged({"a", "b", "a"}, false), {true, true, true});
  Bench reordered(logged({"b", "new", "a", "a", "a"}, true), index);
  check_equal(reordered.all(), "2:new 5:a ");
}

TEST("another command is another job") {
  const ResumeIndex index = after(logged({"a"}, false), {true});
  for (const auto& command :
       std::vector<std::vector<std::string>>{{"false"}, {"true", "-x"}, {"true", "{}"}, {"true", ""}}) {
    Config config = logged({"a"}, true);
    config.command = command;
    Bench bench(config, index);
    check_equal(bench.all(), "1:a ", command.back());
  }
}

TEST("words and fields do not run into each other") {
  const auto identity = [](std::vector<std::string> command, std::vector<std::string> fields) {
    Config config;
    config.command = std::move(command);
    config.groups = {{"x"}};
    const Launcher launcher(config);
    const Job job(1, {std::move(fields), Unfit::no}, store);
    return launcher.identity(job);
  };
  check(identity({"true", "a"}, {"b"}) != identity({"true"}, {"a", "b"}));
  check(identity({"true", "ab"}, {"c"}) != identity({"true", "a"}, {"bc"}));
  check(identity({"true"}, {"a", "b"}) != identity({"true"}, {"ab"}));
  check(identity({"true"}, {"1:a"}) != identity({"true"}, {"a"}));
  check(identity({"true"}, {"a"}) == identity({"true"}, {"a"}));
  // A joblog of an earlier version must be understood: this value may never change.
  check_equal(to_hex(identity({"true", "{}"}, {"a b"})), to_hex(ipc::hash128("2;4:true2:{}1;3:a b")));
}

TEST("without a log nothing is remembered") {
  Bench bench(config_of({"a", "a"}));
  std::unique_ptr<Job> job;
  check(bench.intake.next(job) == State::record);
  check_equal(job->key.occurrence, 0U);
}
