#include "environment.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>

Environment::Environment(const std::vector<std::pair<std::string, std::string>>& additions) {
  for (char** entry = environ; *entry != nullptr; ++entry) envp_.push_back(*entry);
  envp_.push_back(nullptr);
  additions_.reserve(additions.size());  // the entries must not move
  for (const auto& [name, value] : additions) put(additions_.emplace_back(name + "=" + value).data());
  set_job(0, 0);
  std::snprintf(pid_.data(), pid_.size(), "PPOOL_PID=%ld", static_cast<long>(::getpid()));
  put(seq_.data());
  put(slot_.data());
  put(pid_.data());
}

void Environment::put(char* entry) {
  const auto name_length = static_cast<std::size_t>(std::strchr(entry, '=') - entry) + 1;
  for (char*& present : envp_) {
    if (present == nullptr || std::strncmp(present, entry, name_length) != 0) continue;
    present = entry;
    return;
  }
  envp_.back() = entry;
  envp_.push_back(nullptr);
}

void Environment::set_job(std::uint64_t seq, unsigned slot) noexcept {
  std::snprintf(seq_.data(), seq_.size(), "PPOOL_SEQ=%llu", static_cast<unsigned long long>(seq));
  std::snprintf(slot_.data(), slot_.size(), "PPOOL_SLOT=%u", slot);
}

const char* Environment::find(const char* name) const noexcept {
  const std::size_t length = std::strlen(name);
  for (const char* entry : envp_) {
    if (entry != nullptr && std::strncmp(entry, name, length) == 0 && entry[length] == '=')
      return entry + length + 1;
  }
  return nullptr;
}

std::size_t Environment::bytes() const noexcept {
  std::size_t sum = 0;
  for (const char* entry : envp_) {
    if (entry != nullptr) sum += std::strlen(entry) + 1 + sizeof(char*);
  }
  return sum;
}
