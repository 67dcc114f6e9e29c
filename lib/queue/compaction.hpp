#pragma once
/// Keeping the disk small: what is left of segments that are mostly settled moves on, a little at each put and settling.
/// How that survives is said in format.hpp.

#include <cstdint>

#include "queue/runs.hpp"
#include "queue/store.hpp"

namespace queue {

class Compactor {
 public:
  /// Both are borrowed.
  Compactor(Store& store, Runs& runs) noexcept : store_(store), runs_(runs) {}

  /// Goes on, for as many bytes as have just been put or settled. Commits; nothing else may be under way. What it meets
  /// (a full disk) is not for the caller to hear of.
  void go_on(Section& section, std::uint64_t bytes);

 private:
  [[nodiscard]] Header& header() const noexcept { return store_.header(); }
  [[nodiscard]] bool takes_too_much() const noexcept;
  void choose_sparse(Section& section);
  void sync_copies();
  void end_compaction(Section& section);
  void go_on_until(Section& section, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t move_records(Section& section, Number number);

  Store& store_;
  Runs& runs_;
};

}  // namespace queue
