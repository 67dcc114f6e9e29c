#include "progress.hpp"

#include <algorithm>
#include <cstdio>

namespace {

std::string clock_text(std::uint64_t seconds) {
  char text[48];
  const auto hours = static_cast<unsigned long long>(seconds / 3600);
  const auto minutes = static_cast<unsigned>(seconds / 60 % 60);
  const auto rest = static_cast<unsigned>(seconds % 60);
  if (hours > 0) {
    std::snprintf(text, sizeof text, "%llu:%02u:%02u", hours, minutes, rest);
  } else {
    std::snprintf(text, sizeof text, "%u:%02u", minutes, rest);
  }
  return text;
}

}  // namespace

std::string progress_text(const ProgressCounts& counts, ipc::Duration elapsed) {
  const auto ms = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()));
  // Tenths of a job a second, in whole numbers.
  const std::uint64_t rate = counts.done * 10000 / ms;
  std::string text = std::to_string(counts.done) + '/' + std::to_string(counts.known);
  if (!counts.known_is_total) text += '+';
  text +=
      " done, " + std::to_string(counts.running) + " running, " + std::to_string(counts.failed) + " failed, ";
  text += std::to_string(rate / 10) + '.' + std::to_string(rate % 10) + "/s, ETA ";
  if (counts.done == 0) return text + "-";
  const std::uint64_t left = counts.known - std::min(counts.known, counts.done);
  return text + clock_text((left * ms / counts.done + 999) / 1000);
}

std::string progress_bar(const ProgressCounts& counts, ipc::Duration elapsed, unsigned width) {
  const std::string text = progress_text(counts, elapsed);
  // One column stays free, or some terminals would wrap the line.
  if (width <= text.size() + 14) return text.substr(0, width > 1 ? width - 1 : 0);
  const std::size_t cells = std::min<std::size_t>(width - text.size() - 4, 40);
  const std::uint64_t known = std::max<std::uint64_t>(1, counts.known);
  const std::size_t full = cells * std::min(counts.done, known) / known;
  return '[' + std::string(full, '#') + std::string(cells - full, '.') + "] " + text;
}
