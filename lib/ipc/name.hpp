#pragma once
/// NAMEs: what the user calls an object, and where its file is.
/// With a '/' in it a name is a path. Otherwise it is [A-Za-z0-9_][A-Za-z0-9._-]{0,63}, and its file lies in one of two
/// directories. What need not outlive a reboot: $IPCUTILS_DIR, else $XDG_RUNTIME_DIR/ipcutils, else /tmp/ipcutils-UID.
/// What must: $IPCUTILS_STATE_DIR, else $IPCUTILS_DIR, else ${XDG_STATE_HOME:-$HOME/.local/state}/ipcutils.

#include <optional>
#include <string>
#include <string_view>

namespace ipc {

/// Which of the two directories an object lies in.
enum class Home { runtime, state };

/// Whether `name` is a path. Throws BadValue, with the name in its text, for what is neither a path nor a proper name,
/// and for HOST:NAME, which is kept for objects on other machines.
[[nodiscard]] bool is_path(std::string_view name);

/// The directory of objects that need not outlive a reboot, made (0700) when it is missing. Throws BadValue when it is
/// a relative path, not the caller's own directory or others may write to it, since they could then swap its files; else Error.
[[nodiscard]] std::string runtime_directory();

/// The directory of objects that must outlive a reboot: as above. Parents that are missing are made too (0700), but for
/// those of a directory that the environment names itself.
[[nodiscard]] std::string state_directory();

/// The directory of either kind, if it is there and would be accepted; makes nothing and throws nothing.
[[nodiscard]] std::optional<std::string> present_directory(Home home);

/// The file behind `name`: itself when it is a path, else `suffix` (".lock") is added to it in the directory.
/// Throws what is_path() and the function for the directory throw.
[[nodiscard]] std::string object_path(std::string_view name, std::string_view suffix,
                                      Home home = Home::runtime);

}  // namespace ipc
