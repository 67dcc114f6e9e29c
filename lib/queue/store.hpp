#pragma once
/// The directory of a durable queue, opened: its header and its tables, and the lock under which they are read and
/// changed. What is where, and why it survives, is said in format.hpp.
///
/// Everything below is valid only while a Section lives. References into the tables stay good during a section, but not
/// across reserve_runs() and its like, which come first.

#include <memory>
#include <string>

#include "ipc/fd.hpp"
#include "queue/damaged.hpp"
#include "queue/header.hpp"
#include "queue/journal.hpp"
#include "queue/mapped_file.hpp"
#include "queue/section.hpp"
#include "queue/segment.hpp"

namespace queue {

class Store {
 public:
  enum class Use { look, change };
  /// Opens the queue whose directory is `path`; nothing when there is none. `use` is what is expected, and makes that
  /// cheaper. Throws ipc::BadValue for what is no queue or one of another version, ipc::Error.
  [[nodiscard]] static std::unique_ptr<Store> open(const std::string& path, Use use = Use::look);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  [[nodiscard]] int directory() const noexcept { return directory_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int holders_descriptor() { return holders_.descriptor(); }

  [[nodiscard]] Header& header() const noexcept { return *reinterpret_cast<Header*>(control_.data()); }
  [[nodiscard]] Run& run(Number number) const {
    Run& entry = at<Run>(runs_, number, "runs");
    if (entry.priority >= kPriorities) throw Damaged("runs");
    return entry;
  }
  /// One that has never been used, or not since the tables were built anew: whatever is there is wiped.
  [[nodiscard]] Run& fresh_run(Number number) { return at<Run>(runs_, number, "runs") = Run{}; }
  [[nodiscard]] SegmentEntry& segment(Number number) const {
    return at<SegmentEntry>(segments_, number, "segments");
  }
  /// That of a run whose records are to be read; when its file is there, they are within it.
  [[nodiscard]] const SegmentEntry& segment_of(const Run& run) const;
  // These two are looked at less often, and mapped only then: a reference stays good until an entry with a higher number
  // is asked for.
  [[nodiscard]] HolderEntry& holder(Number number) {
    return at_when_needed<HolderEntry>(holders_, number, "holders");
  }
  /// The heap, from place 1: numbers of runs.
  [[nodiscard]] Number& timer(Number place) { return at_when_needed<Number>(timers_, place, "timers"); }

  /// Makes room for so many more entries. Throws ipc::Error (ENOSPC).
  void reserve_runs(Number more);
  void reserve_segment() { reserve<SegmentEntry>(segments_, header().segments, 1, "segments"); }
  void reserve_holder() {
    reserve<HolderEntry>(holders_, header().holders, 1, "holders");
    holders_.touch();
  }
  void reserve_timers(Number more) { reserve<Number>(timers_, header().timers, more, "timers"); }
  /// Gives back what the table of runs does not need any more.
  void shrink_runs();
  /// Keeps the memory in use small, whatever has been looked at. References stay good.
  void forget_pages() noexcept;
  /// The same, now and then: call it once for every few entries that are looked at.
  void forget_pages_in_time() noexcept {
    if (++looked_ % 1024 == 0) forget_pages();
  }

  /// The file of a segment, open; -1 when it is missing, another, or not as sure as that.
  [[nodiscard]] int segment_descriptor(const SegmentEntry& entry, Standing least = Standing::headless) {
    return files_.descriptor(directory_.get(), entry, least);
  }
  [[nodiscard]] SegmentCache& files() noexcept { return files_; }

  [[nodiscard]] Journal& journal() noexcept { return journal_; }
  /// The tables may be longer by now than what is mapped.
  void follow();
  /// The tables are of this boot and of these files.
  [[nodiscard]] bool is_trusted() const;
  /// They are of this boot, but of other files: this is a copy, or was one.
  [[nodiscard]] bool is_copy() const;
  void trust();
  void distrust() { header().inode = 0; }
  /// Nobody is registered any more.
  void wipe_holders();
  /// Sets what the header says of the length of the table of runs.
  void measure_runs();
  /// Gives the tables blocks of their own: a copy may have left holes where there were zeros. Throws ipc::Error.
  void fill_holes();

 private:
  friend class Section;
  void insist_on_bounds() const;
  Store(std::string path, ipc::Fd directory, MappedFile control);

  template <class T>
  [[nodiscard]] static T& at(const MappedFile& file, Number number, const char* name) {
    if (number == 0 || std::size_t{number} * sizeof(T) > file.size()) throw Damaged(name);
    return reinterpret_cast<T*>(file.data())[number - 1];
  }
  template <class T>
  [[nodiscard]] static T& at_when_needed(MappedFile& file, Number number, const char* name) {
    if (std::size_t{number} * sizeof(T) > file.size()) file.follow();
    return at<T>(file, number, name);
  }
  template <class T>
  static void reserve(MappedFile& file, std::size_t present, std::size_t more, const char* name) {
    const std::size_t needed = (present + more) * sizeof(T);
    if (needed <= file.size()) return;
    file.follow();
    if (present * sizeof(T) > file.size()) throw Damaged(name);
    file.grow(needed);
  }

  std::string path_;
  ipc::Fd directory_;
  MappedFile control_;
  MappedFile runs_;
  MappedFile segments_;
  MappedFile holders_;
  MappedFile timers_;
  Journal journal_;
  SegmentCache files_;
  std::uint64_t boot_;
  std::uint64_t device_;
  std::uint64_t inode_;
  unsigned looked_ = 0;
};

/// A random number.
[[nodiscard]] std::uint64_t random_word();

}  // namespace queue
