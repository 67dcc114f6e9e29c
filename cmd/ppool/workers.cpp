#include "workers.hpp"

#include <algorithm>

#include "ipc/error.hpp"
#include "ipc/processors.hpp"
#include "ipc/size.hpp"

namespace {

std::uint64_t number(std::string_view text) {
  try {
    return ipc::parse_count(text, 1, WorkerCount::kMost);
  } catch (const ipc::BadValue&) {
    throw ipc::BadValue("not a number of workers (N, +K, -K or N%, from 1 to 65536)");
  }
}

}  // namespace

WorkerCount WorkerCount::parse(std::string_view text) {
  if (text.ends_with('%')) return {Kind::percent, number(text.substr(0, text.size() - 1))};
  if (text.starts_with('+')) return {Kind::more, number(text.substr(1))};
  if (text.starts_with('-')) return {Kind::fewer, number(text.substr(1))};
  return {Kind::exactly, number(text)};
}

unsigned WorkerCount::resolve() const {
  if (kind == Kind::exactly) return static_cast<unsigned>(value);
  const std::uint64_t processors = ipc::usable_processors();
  std::uint64_t count = processors;
  if (kind == Kind::more) count = processors + value;
  if (kind == Kind::fewer) count = processors > value ? processors - value : 1;
  if (kind == Kind::percent) count = processors * value / 100;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(count, 1, kMost));
}
