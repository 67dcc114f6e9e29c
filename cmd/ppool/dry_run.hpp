#pragma once
/// --dry-run: the command lines that would run, and nothing else.

#include "config.hpp"
#include "joblog.hpp"
#include "launcher.hpp"
#include "source.hpp"

/// Waits for input as it must and writes each line at once. Returns the exit status. Throws ipc::Error.
[[nodiscard]] int dry_run(const Config& config, Launcher& launcher, Source& source, ResumeIndex logged);
