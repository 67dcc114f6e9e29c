#include "halt.hpp"

#include "ipc/error.hpp"
#include "ipc/size.hpp"

namespace {

constexpr const char* kForm = "not of the form now|soon,fail|success|done=N|N%";
constexpr std::uint64_t kMeaningfulSample = 10;

const char* word(HaltRule::What what) {
  switch (what) {
    case HaltRule::What::fail: return "fail";
    case HaltRule::What::success: return "success";
    case HaltRule::What::done: break;
  }
  return "done";
}

}  // namespace

HaltRule HaltRule::parse(std::string_view text) {
  HaltRule rule;
  const auto comma = text.find(',');
  const auto equals = text.find('=');
  if (comma == std::string_view::npos || equals == std::string_view::npos || equals < comma) {
    throw ipc::BadValue(kForm);
  }
  const std::string_view when = text.substr(0, comma);
  const std::string_view what = text.substr(comma + 1, equals - comma - 1);
  std::string_view number = text.substr(equals + 1);
  if (when == "now") {
    rule.when = When::now;
  } else if (when == "soon") {
    rule.when = When::soon;
  } else {
    throw ipc::BadValue(kForm);
  }
  if (what == "success") {
    rule.what = What::success;
  } else if (what == "done") {
    rule.what = What::done;
  } else if (what != "fail") {
    throw ipc::BadValue(kForm);
  }
  rule.percent = number.ends_with('%');
  if (rule.percent) number.remove_suffix(1);
  rule.threshold = ipc::parse_count(number, 1, rule.percent ? 100 : UINT64_MAX);
  return rule;
}

bool HaltRule::reached(std::uint64_t succeeded, std::uint64_t failed, bool at_end) const noexcept {
  if (when == When::never) return false;
  const std::uint64_t finished = succeeded + failed;
  const std::uint64_t count = what == What::fail ? failed : what == What::success ? succeeded : finished;
  if (!percent) return count >= threshold;
  if (finished == 0 || (finished < kMeaningfulSample && !at_end)) return false;
  return count * 100 >= threshold * finished;
}

std::string HaltRule::condition() const {
  return std::string(word(what)) + "=" + std::to_string(threshold) + (percent ? "%" : "");
}
