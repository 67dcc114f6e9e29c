#pragma once
/// Making a durable queue, and the rules of what may be one.

#include <string>
#include <string_view>

#include "queue/header.hpp"
#include "queue/shape.hpp"

namespace queue {

/// Makes the queue `path` when it is missing; whoever is killed in between leaves what the next one finishes. An empty
/// directory becomes a queue, any other is refused. Throws ipc::BadValue, ipc::Error.
void make_store(const std::string& path, const Shape& shape);

/// A name that a queue gives to a file in its directory.
[[nodiscard]] bool is_part_of_queue(std::string_view name) noexcept;

/// Throws ipc::BadValue when there is something in `directory`, which is that of `path` and no queue, but what a killed
/// maker may have left.
void refuse_foreign(int directory, const std::string& path);

/// What Header::shape_crc should be.
[[nodiscard]] std::uint32_t shape_checksum(const Header& header) noexcept;
/// Makes an unreadable shape one that lets everything in. Under the lock.
void reset_shape(Header& header) noexcept;

/// Throws ipc::BadValue when `shape` says something else than the queue at `path` is.
void insist_on_shape(const std::string& path, const Header& header, const Shape& shape);

/// Throws ipc::BadValue when the file system behind `fd` is a network's: its locks and mappings cannot be relied upon.
void refuse_network(const std::string& path, int fd);

}  // namespace queue
