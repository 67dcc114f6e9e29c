#pragma once
/// Rows about processes and locks, and their two forms.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct ListingRow {
  pid_t pid = 0;                      ///< 0: unknown
  std::string mode;                   ///< X, S or sem
  std::optional<std::int64_t> since;  ///< seconds since the epoch
  std::string state;                  ///< held or waits
  std::string lock;
};

class Listing {
 public:
  void add(ListingRow row) { rows_.push_back(std::move(row)); }

  /// Columns under a heading; empty when there is no row. What is unknown is "-", control bytes are '?'.
  [[nodiscard]] std::string table() const;
  /// A list of objects; what is unknown is null.
  [[nodiscard]] std::string json() const;

 private:
  std::vector<ListingRow> rows_;
};
