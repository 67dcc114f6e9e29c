#include "ipc/name.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "child.hpp"
#include "ipc/error.hpp"
#include "latch.hpp"
#include "scratch.hpp"
#include "tap.hpp"
#include "variable.hpp"

namespace {

using ipc::BadValue;

std::string refusal(const std::string& name, tap::Here at = tap::Here::current()) {
  return check_throws<BadValue>([&] { (void)ipc::is_path(name); }, name, at);
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

/// Nothing but IPCUTILS_DIR, XDG_RUNTIME_DIR, or neither.
struct Directories {
  Directories(const char* own, const char* session)
      : own_one("IPCUTILS_DIR", own), session_one("XDG_RUNTIME_DIR", session) {}
  Variable own_one;
  Variable session_one;
};

/// Where the lasting objects lie: each of the four, or nothing.
struct StateDirectories {
  const char* state = nullptr;
  const char* own = nullptr;
  const char* session = nullptr;
  const char* home = nullptr;
  Variable state_one{"IPCUTILS_STATE_DIR", state};
  Variable own_one{"IPCUTILS_DIR", own};
  Variable session_one{"XDG_STATE_HOME", session};
  Variable home_one{"HOME", home};
};

std::string directory_refusal(tap::Here at = tap::Here::current()) {
  return check_throws<BadValue>([] { (void)ipc::runtime_directory(); }, {}, at);
}

/// As a user that has no directory in /tmp: runs `body` with that directory's path. What it leaves there is removed.
template <class Body>
void as_new_user(Body&& body, tap::Here at = tap::Here::current()) {
  if (::geteuid() != 0) skip("cannot become another user");
  const auto user = static_cast<uid_t>(61000 + ::getpid() % 3000);
  const std::string path = "/tmp/ipcutils-" + std::to_string(user);
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, error))) skip(path + " is there");
  const Directories none(nullptr, nullptr);
  const auto ending = in_child([&] { return ::setresuid(user, user, user) != 0 ? 98 : body(path); });
  std::filesystem::remove_all(path, error);
  if (ending.code == 98) skip("cannot become another user");
  check_equal(ending.status(), 0, {}, at);
}

/// Whether runtime_directory() refuses with a BadValue that ends in `reason`.
bool refuses_for(const std::string& reason) {
  try {
    (void)ipc::runtime_directory();
  } catch (const BadValue& bad) {
    return std::string(bad.what()).ends_with(": " + reason);
  }
  return false;
}

}  // namespace

TEST("a name is letters, digits, _ . and -, and begins with none of the last two") {
  for (const char* name : {"a", "Z", "0", "_", "9lives", "a.b-c_d", "_x", "a-", "a.", "a..b", "007"})
    check(!ipc::is_path(name), name);
  for (const char* name : {".", "..", ".hidden", "-", "-n", "a b", " a", "a\n", "a*", "a~", "\xC3\xA4",
                           "a\x7F", "@", "a,b", "$x"}) {
    check(refusal(name).starts_with(name), name);
  }
  (void)refusal(std::string("a\0b", 3));
}

TEST("a name has 1 to 64 bytes") {
  check(!ipc::is_path(std::string(64, 'x')));
  check(refusal(std::string(65, 'x')).starts_with("xxx"));
  check(refusal("").find("empty") != std::string::npos);
}

TEST("what has a slash is a path, whatever else is in it") {
  for (const char* name : {"/", "./x", "a/b", "../x", "-/x", "./host:x", "/a:b", "a/b:c", ". /\n*"})
    check(ipc::is_path(name), name);
  check(ipc::is_path(std::string(300, 'x') + "/y"));
}

TEST("a colon before any slash is a host's, and refused") {
  for (const char* name : {"host:name", ":", ":x", "x:", "host:/path", "a:b/c", ":/x"})
    check(refusal(name).find("other hosts") != std::string::npos, name);
}

TEST("IPCUTILS_DIR comes before XDG_RUNTIME_DIR, which comes before /tmp") {
  const Scratch scratch;
  const std::string own = scratch / "own";
  const std::string session = scratch / "session";
  std::filesystem::create_directory(session);
  {
    const Directories both(own.c_str(), session.c_str());
    check_equal(ipc::runtime_directory(), own);
    check(!std::filesystem::exists(session + "/ipcutils"), "the other is not touched");
  }
  const Directories one(nullptr, session.c_str());
  check_equal(ipc::runtime_directory(), session + "/ipcutils");
}

TEST("an empty variable is as none") {
  const Scratch scratch;
  {
    const Directories empty("", scratch.path().c_str());
    check_equal(ipc::runtime_directory(), scratch / "ipcutils");
  }
  as_new_user([](const std::string& path) {
    const Directories empty("", "");
    return ipc::runtime_directory() == path ? 0 : 1;
  });
}

TEST("a directory that is missing is made, for its owner alone") {
  const Scratch scratch;
  const mode_t before = ::umask(0);
  {
    const Directories own((scratch / "own").c_str(), nullptr);
    (void)ipc::runtime_directory();
    check_equal(ipc::runtime_directory(), scratch / "own", "and again, now that it is there");
  }
  {
    const Directories session(nullptr, scratch.path().c_str());
    (void)ipc::runtime_directory();
  }
  ::umask(before);
  check_equal(mode_of(scratch / "own"), 0700U);
  check_equal(mode_of(scratch / "ipcutils"), 0700U);
}

TEST("the directory in /tmp is made, for its owner alone") {
  as_new_user([](const std::string& path) {
    ::umask(0);
    if (ipc::runtime_directory() != path) return 1;
    return mode_of(path) == 0700U && ipc::runtime_directory() == path ? 0 : 2;
  });
}

TEST("one that cannot be made is an Error that names it") {
  const Scratch scratch;
  const Directories own((scratch / "none/own").c_str(), nullptr);
  const std::string text = check_throws<ipc::Error>([] { (void)ipc::runtime_directory(); });
  check(text.starts_with(scratch / "none/own: "), text);
  check(text.ends_with(": No such file or directory"), text);
}

TEST("one that others may write to is refused") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "ipcutils");
  for (const bool own : {true, false}) {
    const std::string path = scratch / "ipcutils";
    const Directories here(own ? path.c_str() : nullptr, scratch.path().c_str());
    for (const mode_t mode : {0770U, 0702U, 0720U, 01777U}) {
      ::chmod(path.c_str(), mode);
      check_equal(directory_refusal(), path + ": others may write to it");
    }
    for (const mode_t mode : {0700U, 0755U, 0711U}) {
      ::chmod(path.c_str(), mode);
      check_equal(ipc::runtime_directory(), path, "others may look");
    }
  }
}

TEST("one that is another user's is refused") {
  if (::geteuid() != 0) skip("cannot make another user's directory");
  const Scratch scratch;
  const std::string path = scratch / "own";
  std::filesystem::create_directory(path);
  ::chmod(path.c_str(), 0700);
  require(::chown(path.c_str(), 61000, 61000) == 0);
  const Directories own(path.c_str(), nullptr);
  check_equal(directory_refusal(), path + ": belongs to another user");
}

TEST("a relative one would be another wherever one stands, and is refused") {
  for (const char* path : {"own", "./own", ".", "../own"}) {
    const Directories own(path, nullptr);
    check(directory_refusal().starts_with(path), path);
    const Directories session(nullptr, path);
    check(directory_refusal().starts_with(path), path);
  }
  check(!std::filesystem::exists("own") && !std::filesystem::exists("../own"), "nor is it made");
}

TEST("a file in its place is refused") {
  const Scratch scratch;
  const std::string path = scratch.file("own");
  const Directories own(path.c_str(), nullptr);
  check_equal(directory_refusal(), path + ": Not a directory");
}

TEST("a link to a good directory will do where the user has named it, and not in /tmp") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "real");
  std::filesystem::create_directory_symlink("real", scratch / "link");
  {
    const Directories own((scratch / "link").c_str(), nullptr);
    check_equal(ipc::runtime_directory(), scratch / "link");
    ::chmod((scratch / "real").c_str(), 0777);
    check_equal(directory_refusal(), scratch / "link: others may write to it", "the directory itself counts");
  }
  as_new_user([](const std::string& path) {
    const std::string target = path + ".target";
    if (::mkdir(target.c_str(), 0700) != 0) return 1;
    const bool laid = ::symlink(target.c_str(), path.c_str()) == 0;
    const bool refused = refuses_for("Not a directory");
    ::unlink(path.c_str());
    // A dangling one is not followed either.
    const bool laid_again = ::symlink((target + "/x").c_str(), path.c_str()) == 0;
    const bool refused_again = refuses_for("Not a directory");
    const bool followed = ::access((target + "/x").c_str(), F_OK) == 0;
    ::unlink(path.c_str());
    ::rmdir(target.c_str());
    if (!laid || !laid_again) return 2;
    return refused && refused_again && !followed ? 0 : 3;
  });
}

TEST("another user's directory in /tmp is refused, and one that others may write to") {
  as_new_user([](const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 || ::chmod(path.c_str(), 0730) != 0) return 1;
    return refuses_for("others may write to it") ? 0 : 2;
  });
  const auto user = static_cast<uid_t>(61000 + ::getpid() % 3000);
  const std::string path = "/tmp/ipcutils-" + std::to_string(user);
  const Directories none(nullptr, nullptr);
  require(::mkdir(path.c_str(), 0700) == 0, "root makes it first");
  const auto ending = in_child([&] {
    if (::setresuid(user, user, user) != 0) return 98;
    return refuses_for("belongs to another user") ? 0 : 1;
  });
  ::rmdir(path.c_str());
  check_equal(ending.status(), 0);
}

TEST("many that make it at the same time all get it") {
  const Scratch scratch;
  for (int round = 0; round < 20; ++round) {
    const std::string path = scratch / std::to_string(round);
    const Directories own(path.c_str(), nullptr);
    Latch start;
    std::vector<Child> racers;
    for (int i = 0; i < 8; ++i) {
      racers.emplace_back([&] {
        if (!start.wait()) return 1;
        return ipc::runtime_directory() == path ? 0 : 2;
      });
    }
    for (int i = 0; i < 8; ++i) start.open();
    for (auto& racer : racers) check_equal(racer.wait().status(), 0);
    check_equal(mode_of(path), 0700U);
  }
}

TEST("a name's object lies in the directory, with the suffix; a path is its own object") {
  const Scratch scratch;
  const std::string directory = scratch / "own";
  const Directories own(directory.c_str(), nullptr);
  check_equal(ipc::object_path("./x", ".lock"), "./x");
  check_equal(ipc::object_path("/etc/passwd", ".lock"), "/etc/passwd");
  check(!std::filesystem::exists(directory), "for a path it is not made");
  check_throws<BadValue>([] { (void)ipc::object_path("..", ".lock"); });
  check_throws<BadValue>([] { (void)ipc::object_path("a b", ".lock"); });
  check(!std::filesystem::exists(directory), "nor for a bad name");
  check_equal(ipc::object_path("db", ".lock"), directory + "/db.lock");
  check_equal(ipc::object_path("db", ""), directory + "/db");
  check_equal(mode_of(directory), 0700U);
}

TEST("what lasts lies in IPCUTILS_STATE_DIR, else IPCUTILS_DIR, else XDG_STATE_HOME, else below HOME") {
  const Scratch scratch;
  const std::string state = scratch / "state";
  const std::string own = scratch / "own";
  const std::string session = scratch / "session";
  const std::string home = scratch / "home";
  std::filesystem::create_directory(home);
  {
    const StateDirectories all{state.c_str(), own.c_str(), session.c_str(), home.c_str()};
    check_equal(ipc::state_directory(), state);
    check_equal(ipc::runtime_directory(), own, "the other kind does not ask for it");
  }
  {
    const StateDirectories three{nullptr, own.c_str(), session.c_str(), home.c_str()};
    check_equal(ipc::state_directory(), own, "it serves for both");
  }
  check(!std::filesystem::exists(session), "what comes later is not touched");
  {
    const StateDirectories two{"", "", session.c_str(), home.c_str()};
    check_equal(ipc::state_directory(), session + "/ipcutils");
  }
  check(std::filesystem::is_empty(home));
  const StateDirectories one{nullptr, nullptr, nullptr, home.c_str()};
  check_equal(ipc::state_directory(), home + "/.local/state/ipcutils");
}

TEST("the way to it is made for its owner alone, but neither a home nor what is said outright") {
  const Scratch scratch;
  const std::string home = scratch / "home";
  const std::string session = scratch / "far/away";
  std::filesystem::create_directory(home);
  const mode_t before = ::umask(0);
  {
    const StateDirectories one{nullptr, nullptr, nullptr, home.c_str()};
    (void)ipc::state_directory();
    (void)ipc::state_directory();
  }
  {
    const StateDirectories two{nullptr, nullptr, session.c_str(), nullptr};
    (void)ipc::state_directory();
  }
  ::umask(before);
  for (const auto& path : {home + "/.local", home + "/.local/state", home + "/.local/state/ipcutils",
                           scratch / "far", session, session + "/ipcutils"})
    check_equal(mode_of(path), 0700U, path);
  const std::string none = scratch / "none";
  {
    const StateDirectories no_home{nullptr, nullptr, nullptr, none.c_str()};
    check_throws<ipc::Error>([] { (void)ipc::state_directory(); });
  }
  const std::string below = none + "/state";
  const StateDirectories no_parent{below.c_str()};
  check_throws<ipc::Error>([] { (void)ipc::state_directory(); });
  check(!std::filesystem::exists(none));
}

TEST("what lasts is refused a directory for the same reasons") {
  const Scratch scratch;
  const std::string path = scratch / "state";
  std::filesystem::create_directory(path);
  const auto refusal_of = [] { return check_throws<BadValue>([] { (void)ipc::state_directory(); }); };
  {
    const StateDirectories relative{"./state"};
    check(refusal_of().starts_with("./state: "));
  }
  {
    const StateDirectories nowhere;
    check(refusal_of().starts_with("HOME is not set"));
  }
  const StateDirectories one{path.c_str()};
  ::chmod(path.c_str(), 0770);
  check_equal(refusal_of(), path + ": others may write to it");
  ::chmod(path.c_str(), 0700);
  if (::geteuid() != 0) skip("cannot make another user's directory");
  require(::chown(path.c_str(), 61000, 61000) == 0);
  check_equal(refusal_of(), path + ": belongs to another user");
}

TEST("a directory that is only looked for is not made, and none is one that would be refused") {
  const Scratch scratch;
  const std::string path = scratch / "one";
  const StateDirectories here{path.c_str(), path.c_str()};
  for (const auto home : {ipc::Home::runtime, ipc::Home::state}) {
    check(!ipc::present_directory(home).has_value());
    check(!std::filesystem::exists(path));
    std::filesystem::create_directory(path);
    ::chmod(path.c_str(), 0777);
    check(!ipc::present_directory(home).has_value());
    ::chmod(path.c_str(), 0700);
    check(ipc::present_directory(home) == path);
    std::filesystem::remove(path);
  }
  const StateDirectories nowhere;
  check(!ipc::present_directory(ipc::Home::state).has_value());
}

TEST("an object that lasts lies in its directory") {
  const Scratch scratch;
  const std::string state = scratch / "state";
  const std::string own = scratch / "own";
  const StateDirectories here{state.c_str(), own.c_str()};
  check_equal(ipc::object_path("q", ".queue", ipc::Home::state), state + "/q.queue");
  check_equal(ipc::object_path("q", ".mq", ipc::Home::runtime), own + "/q.mq");
  check_equal(ipc::object_path("./q", ".queue", ipc::Home::state), "./q");
}
