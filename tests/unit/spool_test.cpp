#include "ipc/spool.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>

#include "child.hpp"
#include "ipc/error.hpp"
#include "scratch.hpp"
#include "tap.hpp"

namespace {

using ipc::Spool;
using ipc::SpoolStore;

constexpr std::size_t kExtent = SpoolStore::kExtent;

/// Bytes that tell where in a long text they belong.
std::string text_of(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// Takes `count` bytes out, in pieces no larger than `piece`.
std::string taken(Spool& spool, std::size_t count, std::size_t piece = SIZE_MAX) {
  std::string text;
  while (text.size() < count) {
    const auto front = spool.front();
    require(!front.empty(), "there is more");
    const std::size_t part = std::min({front.size(), piece, count - text.size()});
    text += front.substr(0, part);
    spool.pop(part);
  }
  return text;
}

std::string all_of(Spool& spool) { return taken(spool, spool.size()); }

/// The unnamed file that this process has open in `directory`, if there is one.
struct stat spill_file(const std::string& directory) {
  struct stat found {};
  const auto real = std::filesystem::canonical(directory).string() + '/';
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const auto target = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (target.starts_with(real)) ::stat(entry.path().c_str(), &found);
  }
  return found;
}

}  // namespace

TEST("within the bound all stays in memory and no file is made") {
  const Scratch scratch;
  SpoolStore store(1 << 20, scratch / "missing");
  Spool spool(store);
  check(spool.empty());
  check(spool.front().empty());
  const std::string text = text_of(500'000);
  spool.append(text.substr(0, 1));
  spool.append("");
  spool.append(text.substr(1, 100'000));
  spool.append(text.substr(100'001));
  check_equal(spool.size(), text.size());
  check_equal(store.extents_in_use(), 0U);
  check(store.memory_in_use() >= text.size());
  check(store.memory_in_use() <= 1 << 20);
  check(all_of(spool) == text);
  check(spool.empty());
  check(spool.front().empty());
  check_equal(store.memory_in_use(), 0U);
}

TEST("a small output takes little memory") {
  SpoolStore store(1 << 20, "/nonexistent");
  Spool spool(store);
  spool.append("ok\n");
  check(store.memory_in_use() <= 64);
}

TEST("without memory all goes to the file, which has no name") {
  const Scratch scratch;
  SpoolStore store(0, scratch.path());
  Spool spool(store);
  const std::string text = text_of(3 * kExtent + 17);
  spool.append(text);
  check_equal(store.memory_in_use(), 0U);
  check_equal(store.extents_in_use(), 4U);
  check(std::filesystem::is_empty(scratch.path()));
  const struct stat file = spill_file(scratch.path());
  check_equal(static_cast<std::size_t>(file.st_size), text.size());
  check_equal(file.st_nlink, 0U);
  check_equal(file.st_mode & 077U, 0U);
  check(all_of(spool) == text);
}

TEST("what does not fit in memory follows in the file, in order") {
  const Scratch scratch;
  SpoolStore store(100'000, scratch.path());
  Spool spool(store);
  const std::string text = text_of(400'000);
  for (std::size_t at = 0; at < text.size(); at += 1000) spool.append(text.substr(at, 1000));
  check(store.memory_in_use() > 0 && store.memory_in_use() <= 100'000);
  check(store.extents_in_use() > 0);
  check_equal(spool.size(), text.size());
  check(all_of(spool) == text);
  check_equal(store.memory_in_use(), 0U);
  check_equal(store.extents_in_use(), 0U);
}

TEST("pieces of any size cross the borders of chunks and extents") {
  const Scratch scratch;
  const std::string text = text_of(4 * kExtent + 99);
  for (const std::size_t piece : {std::size_t{997}, kExtent - 1, kExtent, kExtent + 1}) {
    SpoolStore store(kExtent + 5000, scratch.path());
    Spool spool(store);
    for (std::size_t at = 0; at < text.size(); at += piece)
      spool.append(std::string_view(text).substr(at, piece));
    check(taken(spool, text.size(), 1013) == text, std::to_string(piece));
    check(spool.empty());
    check_equal(store.memory_in_use(), 0U);
    check_equal(store.extents_in_use(), 0U);
  }
}

TEST("once emptied it lives in memory again") {
  const Scratch scratch;
  SpoolStore store(1000, scratch.path());
  Spool spool(store);
  spool.append(text_of(5000));
  check(store.extents_in_use() > 0);
  (void)taken(spool, 4999);
  spool.append("x");
  check_equal(spool.size(), 2U);
  (void)all_of(spool);
  spool.append("again");
  check_equal(store.extents_in_use(), 0U);
  check_equal(all_of(spool), "again");
}

TEST("the bound is for all spools together") {
  const Scratch scratch;
  SpoolStore store(10'000, scratch.path());
  Spool one(store);
  Spool two(store);
  one.append(text_of(10'000, 1));
  check_equal(store.memory_in_use(), 10'000U);
  two.append(text_of(100, 2));
  check_equal(store.extents_in_use(), 1U);
  check(all_of(two) == text_of(100, 2));
  check(all_of(one) == text_of(10'000, 1));
  two.append(text_of(100, 3));
  check_equal(store.extents_in_use(), 0U, "there is memory again");
}

TEST("extents are used again, and the file shrinks to nothing when nobody uses it") {
  const Scratch scratch;
  SpoolStore store(0, scratch.path());
  Spool keeper(store);
  keeper.append(text_of(kExtent));
  off_t largest = 0;
  for (unsigned round = 0; round < 50; ++round) {
    Spool spool(store);
    const std::string text = text_of(2 * kExtent, round);
    spool.append(text);
    largest = std::max(largest, spill_file(scratch.path()).st_size);
    check(all_of(spool) == text);
  }
  check_equal(static_cast<std::size_t>(largest), 3 * kExtent);
  check_equal(store.extents_in_use(), 1U);
  keeper.clear();
  check_equal(store.extents_in_use(), 0U);
  const struct stat file = spill_file(scratch.path());
  check_equal(file.st_size, 0);
  check_equal(file.st_blocks, 0);
  check(file.st_ino != 0, "the file is still open");
  keeper.append("again");
  check_equal(all_of(keeper), "again");
}

TEST("a stream that is never empty gives its extents back as it goes") {
  const Scratch scratch;
  SpoolStore store(0, scratch.path());
  Spool spool(store);
  spool.append(text_of(10));
  for (int i = 0; i < 200; ++i) {
    spool.append(text_of(kExtent / 2));
    (void)taken(spool, kExtent / 2);
    check(store.extents_in_use() <= 3);
  }
  check(spill_file(scratch.path()).st_size <= static_cast<off_t>(4 * kExtent));
}

TEST("clearing, moving and destroying give everything back") {
  const Scratch scratch;
  SpoolStore store(1000, scratch.path());
  {
    Spool one(store);
    const std::string text = text_of(100'000);
    one.append(text);
    (void)taken(one, 10);
    Spool two(std::move(one));
    check(one.empty());
    check(one.front().empty());
    check_equal(two.size(), 99'990U);
    one.append("reborn");
    Spool three(store);
    three.append("overwritten");
    three = std::move(two);
    check(two.empty());
    check(all_of(three) == text.substr(10));
    check_equal(all_of(one), "reborn");
    three.append(text);
    three.clear();
    check(three.empty());
    check_equal(store.memory_in_use(), 0U);
    check_equal(store.extents_in_use(), 0U);
    Spool& same = three;
    three.append("self");
    three = std::move(same);
    check_equal(all_of(three), "self");
    three.append(text);
  }
  check_equal(store.memory_in_use(), 0U);
  check_equal(store.extents_in_use(), 0U);
}

TEST("random use of many spools is that of as many strings") {
  const Scratch scratch;
  std::mt19937 random(4711);
  for (const std::size_t memory :
       {std::size_t{0}, std::size_t{3000}, std::size_t{200'000}, std::size_t{1} << 30}) {
    SpoolStore store(memory, scratch.path());
    std::vector<Spool> spools;
    std::vector<std::string> models(8);
    for (std::size_t i = 0; i < models.size(); ++i) spools.emplace_back(store);
    bool good = true;
    for (int step = 0; step < 3000 && good; ++step) {
      const std::size_t which = random() % spools.size();
      Spool& spool = spools[which];
      std::string& model = models[which];
      switch (random() % 16) {
        case 0:
          spool.clear();
          model.clear();
          break;
        case 1: {
          const std::size_t other = random() % spools.size();
          if (other == which) break;
          spools[other] = std::move(spool);
          models[other] = std::exchange(model, {});
          break;
        }
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
        case 7: {
          const std::string text =
              text_of(random() % (step % 10 == 0 ? 3 * kExtent : 3000), static_cast<unsigned>(step));
          spool.append(text);
          model += text;
          break;
        }
        default: {
          const std::string_view front = spool.front();
          good &= check(front.empty() == model.empty());
          good &= check(front == std::string_view(model).substr(0, front.size()));
          if (front.empty()) break;
          const std::size_t part = random() % 3 == 0 ? front.size() : 1 + random() % front.size();
          spool.pop(part);
          model.erase(0, part);
        }
      }
      good &= check_equal(spool.size(), model.size());
      good &= check(store.memory_in_use() <= memory);
    }
    for (std::size_t i = 0; i < spools.size(); ++i) check(all_of(spools[i]) == models[i]);
    check_equal(store.memory_in_use(), 0U);
    check_equal(store.extents_in_use(), 0U);
  }
}

TEST("a directory that is not there is an Error that names it, once it is needed") {
  const Scratch scratch;
  const std::string missing = scratch / "missing";
  SpoolStore store(1000, missing);
  Spool spool(store);
  const std::string text = text_of(1000);
  spool.append(text);
  const std::string reason = check_throws<ipc::Error>([&] { spool.append("x"); });
  check(reason.find(missing) != std::string::npos, reason);
  check(all_of(spool) == text, "what was in it stays good");
}

TEST("a full disk is an Error; what was in the spool stays, and it goes on when there is room again") {
  const Scratch scratch;
  const std::string disk = scratch / "disk";
  std::filesystem::create_directory(disk);
  const auto ending = in_child([&] {
    const int user = ::geteuid() == 0 ? 0 : CLONE_NEWUSER;
    if (::unshare(CLONE_NEWNS | user) != 0) return 98;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 98;
    if (::mount("none", disk.c_str(), "tmpfs", 0, "size=256k") != 0) return 98;
    SpoolStore store(5000, disk);
    Spool spool(store);
    Spool other(store);
    const std::string text = text_of(100'000);
    const std::string first = text_of(50'000, 2);
    other.append(first);
    spool.append(text);
    bool refused = false;
    std::string more;
    try {
      for (int i = 0; i < 100; ++i) {
        more = text_of(10'000);
        spool.append(more);
      }
    } catch (const ipc::Error& error) {
      refused = error.errnum() == ENOSPC;
    }
    if (!refused) return 1;
    const std::uint64_t size = spool.size();
    if (size < text.size()) return 2;
    if (all_of(other) != first) return 3;
    if (taken(spool, text.size()) != text) return 4;
    // What still fits after the room that the other gave back goes on behind what was kept.
    const std::uint64_t kept = spool.size();
    spool.append("behind");
    (void)taken(spool, kept);
    if (all_of(spool) != "behind") return 5;
    if (store.memory_in_use() != 0 || store.extents_in_use() != 0) return 6;
    return 0;
  });
  if (ending.code == 98) skip("cannot mount");
  check_equal(ending.status(), 0);
}
