#include "queue/open.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "ipc/error.hpp"
#include "ipc/io.hpp"
#include "ipc/name.hpp"

namespace queue {
namespace {

constexpr std::string_view kFileSuffix = ".queue";
constexpr std::string_view kKernelSuffix = ".mq";

/// What stands under a NAME; a path that is empty: nothing of that kind.
struct Standing {
  std::string file;
  std::string kernel;
};

bool is_there(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// The path of a plain name's object if it stands. A directory that must not be used has none.
std::string standing_at(std::string_view name, ipc::Home home, std::string_view suffix) {
  const auto directory = ipc::present_directory(home);
  if (!directory) return {};
  std::string path = *directory + '/';
  path += name;
  path += suffix;
  return is_there(path) ? path : std::string();
}

/// A directory is a durable queue, and anything else whatever KernelQueue makes of it.
Standing look_at_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) ipc::throw_errno("", path);
    return {};
  }
  if (S_ISDIR(status.st_mode)) return {path, {}};
  return {{}, path};
}

Standing look_up(std::string_view name) {
  if (ipc::is_path(name)) return look_at_path(std::string(name));
  Standing standing{standing_at(name, ipc::Home::state, kFileSuffix),
                    standing_at(name, ipc::Home::runtime, kKernelSuffix)};
  if (!standing.file.empty() && !standing.kernel.empty()) {
    throw ipc::BadValue(std::string(name) + ": is both a durable queue and a kernel queue: remove " +
                        standing.file + " or " + standing.kernel);
  }
  return standing;
}

/// Puts `name` before what `body` throws about a kernel queue.
template <class Body>
auto named(std::string_view name, Body&& body) {
  try {
    return body();
  } catch (const ipc::BadValue& bad) {
    throw ipc::BadValue(std::string(name) + ": " + bad.what());
  } catch (const ipc::MessageQueue::NoMore& no_more) {
    throw ipc::BadValue(std::string(name) + ": " + no_more.what());
  } catch (const ipc::Error& error) {
    throw ipc::Error(error.errnum(), error.operation(), std::string(name));
  }
}

Opened open_kernel(std::string_view name, const std::string& path, const Shape* shape) {
  Opened opened;
  opened.kernel = named(name, [&] { return KernelQueue::open(path, shape); });
  if (opened.kernel) opened.kernel->call_it(std::string(name));
  return opened;
}

/// What `body` throws about the durable queue at `path` is about `name`, as the user calls it.
template <class Body>
auto named(std::string_view name, const std::string& path, Body&& body) {
  const auto called = [&](std::string_view text) {
    const bool has_path = text.starts_with(path);
    return std::string(name) + (has_path ? std::string(text.substr(path.size())) : ": " + std::string(text));
  };
  try {
    return body();
  } catch (const ipc::BadValue& bad) {
    throw ipc::BadValue(called(bad.what()));
  } catch (const ipc::Error& error) {
    throw ipc::Error(error.errnum(), error.operation(), called(error.object()));
  }
}

Opened open_file(std::string_view name, const std::string& path, const Shape* shape, bool allow_network) {
  Opened opened;
  opened.file = named(name, path, [&] { return FileQueue::open(path, shape, allow_network); });
  if (opened.file) opened.file->call_it(std::string(name));
  return opened;
}

Opened make(std::string_view name, const Shape& shape, bool allow_network) {
  Opened opened =
      shape.kernel
          ? open_kernel(name, ipc::object_path(name, kKernelSuffix, ipc::Home::runtime), &shape)
          : open_file(name, ipc::object_path(name, kFileSuffix, ipc::Home::state), &shape, allow_network);
  // Somebody may have made the other kind meanwhile, and not seen ours either: then nobody uses either.
  static_cast<void>(look_up(name));
  return opened;
}

/// Adds the NAMEs in the directory that end in `suffix`.
void list_directory(ipc::Home home, std::string_view suffix, std::vector<Listed>& list) {
  const auto directory = ipc::present_directory(home);
  if (!directory) return;
  const auto files = ipc::names_in(*directory);
  if (!files) ipc::throw_errno("", *directory);
  for (const std::string_view file : *files) {
    if (file.size() <= suffix.size() || !file.ends_with(suffix)) continue;
    Listed listed;
    listed.name = file.substr(0, file.size() - suffix.size());
    listed.kernel = home == ipc::Home::runtime;
    list.push_back(std::move(listed));
  }
}

bool is_plain_name(const std::string& name) {
  try {
    return !ipc::is_path(name);
  } catch (const ipc::BadValue&) {
    return false;
  }
}

}  // namespace

Opened open_queue(std::string_view name, const Shape* shape, bool allow_network) {
  for (;;) {
    const Standing standing = look_up(name);
    if (standing.file.empty() && standing.kernel.empty()) {
      if (shape == nullptr) return {};
      return make(name, *shape, allow_network);
    }
    if (!standing.file.empty() && shape != nullptr && shape->kernel)
      throw ipc::BadValue(std::string(name) + ": is a durable queue, no kernel queue");
    Opened opened = standing.file.empty() ? open_kernel(name, standing.kernel, shape)
                                          : open_file(name, standing.file, shape, allow_network);
    if (opened || shape == nullptr) return opened;
  }
}

Opened create_queue(std::string_view name, const Shape& shape, bool allow_network) {
  Opened opened = open_queue(name, &shape, allow_network);
  if (opened.kernel && !shape.kernel)
    throw ipc::BadValue(std::string(name) + ": is a kernel queue (see --kernel)");
  return opened;
}

std::vector<Listed> list_queues() {
  std::vector<Listed> list;
  list_directory(ipc::Home::state, kFileSuffix, list);
  list_directory(ipc::Home::runtime, kKernelSuffix, list);
  std::erase_if(list, [](const Listed& listed) { return !is_plain_name(listed.name); });
  std::sort(list.begin(), list.end(), [](const Listed& a, const Listed& b) {
    return a.name != b.name ? a.name < b.name : a.kernel < b.kernel;
  });
  // What is being made, or was left half made, is none.
  std::erase_if(list, [](Listed& listed) {
    try {
      const Opened opened = open_queue(listed.name, nullptr, true);
      if (opened) listed.size = opened.queue().size();
      return !opened;
    } catch (const std::exception& error) {
      listed.problem = error.what();
      return false;
    }
  });
  return list;
}

bool remove_queue(std::string_view name, bool force) {
  const Standing standing = look_up(name);
  bool removed = false;
  if (!standing.file.empty()) {
    const auto removal = named(name, standing.file, [&] { return FileQueue::remove(standing.file, force); });
    if (removal == FileQueue::Removal::in_use) return false;
    removed = removal == FileQueue::Removal::removed;
  } else if (!standing.kernel.empty()) {
    removed = named(name, [&] { return KernelQueue::remove(standing.kernel); });
  }
  if (!removed) throw ipc::BadValue(std::string(name) + ": no such queue");
  return true;
}

}  // namespace queue
