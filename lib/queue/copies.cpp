#include "queue/copies.hpp"

#include <algorithm>
#include <queue>

namespace queue {

void Copies::add(Number segment, std::uint64_t id) {
  if (!spans_.empty() && spans_.back().segment == segment && spans_.back().last + 1 == id) {
    spans_.back().last = id;
  } else {
    spans_.push_back({id, id, segment});
  }
}

void Copies::arrange() {
  std::ranges::sort(spans_, {}, &Span::first);
  const bool overlap = std::ranges::adjacent_find(spans_, [](const Span& one, const Span& next) {
                         return next.first <= one.last;
                       }) != spans_.end();
  if (!overlap) return;
  // At each id, of those spans that have it, the one in the highest segment.
  const auto is_below = [](const Span& one, const Span& other) { return one.segment < other.segment; };
  std::priority_queue<Span, std::vector<Span>, decltype(is_below)> here(is_below);
  std::vector<Span> arranged;
  std::uint64_t at = 0;
  const auto pass_to = [&](std::uint64_t end) {
    while (!here.empty() && at < end) {
      const Span& top = here.top();
      if (top.last >= at) {
        arranged.push_back({at, std::min(top.last, end - 1), top.segment});
        at = arranged.back().last + 1;
      } else {
        here.pop();
      }
    }
    at = end;
  };
  for (const Span& span : spans_) {
    pass_to(span.first);
    here.push(span);
  }
  pass_to(UINT64_MAX);
  spans_ = std::move(arranged);
}

/// The first that does not end before it.
std::vector<Copies::Span>::const_iterator Copies::find(std::uint64_t id) const noexcept {
  return std::ranges::lower_bound(spans_, id, {}, &Span::last);
}

bool Copies::has_any(std::uint64_t first, std::uint64_t last) const noexcept {
  const auto found = find(first);
  return found != spans_.end() && found->first <= last;
}

bool Copies::has_later(std::uint64_t first, std::uint64_t last, Number segment) const noexcept {
  for (auto found = find(first); found != spans_.end() && found->first <= last; ++found) {
    if (found->segment > segment) return true;
  }
  return false;
}

}  // namespace queue
