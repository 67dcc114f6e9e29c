#include "queue/removal.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "ipc/error.hpp"
#include "ipc/file_lock.hpp"
#include "queue/bell.hpp"
#include "queue/header.hpp"
#include "queue/make_store.hpp"
#include "queue/mapped_file.hpp"
#include "queue/segment.hpp"

namespace queue {
namespace {

std::vector<std::string> names_in(int parent, const char* name) {
  std::vector<std::string> names;
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(
      fd < 0 ? nullptr : ::fdopendir(fd), [](DIR* open) { return open == nullptr ? 0 : ::closedir(open); });
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    const std::string_view found = entry->d_name;
    if (found != "." && found != "..") names.emplace_back(found);
  }
  return names;
}

bool says_removed(int directory) {
  const ipc::Fd control(::openat(directory, "control", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  Header header{};
  return control &&
         read_at(control.get(), {reinterpret_cast<char*>(&header), sizeof header}, 0) == sizeof header &&
         is_removed(header);
}

/// But for control, which says what they are.
void remove_parts(int directory) {
  const ipc::Fd answers(::openat(directory, "answers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  for (const std::string& name : names_in(directory, "answers")) ::unlinkat(answers.get(), name.c_str(), 0);
  ::unlinkat(directory, "answers", AT_REMOVEDIR);
  for (const std::string& name : names_in(directory, ".")) {
    if (is_part_of_queue(name) && name != "control") ::unlinkat(directory, name.c_str(), 0);
  }
}

}  // namespace

void unmake(int directory, const std::string& path) noexcept {
  try {
    remove_parts(directory);
    ::rmdir(path.c_str());
  } catch (const std::exception&) {
    // It is as if its maker had been killed.
  }
}

void finish_removal(const std::string& path) {
  const ipc::Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return;
  // Against those who make a new one there.
  const auto lock = ipc::FileLock::lock(directory.get(), ipc::FileLock::Mode::exclusive);
  if (!says_removed(directory.get())) return;
  remove_parts(directory.get());
  if (::unlinkat(directory.get(), "control", 0) != 0 && errno != ENOENT) ipc::throw_errno("remove", path);
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return;
  if (errno == ENOTEMPTY || errno == EEXIST)
    throw ipc::BadValue(path + ": removed, but its directory holds what is not the queue's, and stays");
  ipc::throw_errno("remove", path);
}

void ring_answers(int directory) noexcept {
  for (const std::string& name : names_in(directory, "answers")) {
    if (name.ends_with(".bell")) ring(directory, ("answers/" + name).c_str());
  }
}

}  // namespace queue
