#pragma once
/// What each verb does; all return the exit status.

#include "config.hpp"

[[nodiscard]] int put_messages(const Config& config);
[[nodiscard]] int get_messages(const Config& config);
[[nodiscard]] int call_worker(const Config& config);
[[nodiscard]] int wait_for_result(const Config& config);

/// done and requeue
[[nodiscard]] int end_lease(const Config& config);
[[nodiscard]] int join_queue(const Config& config);
[[nodiscard]] int close_queue(const Config& config);

/// size, empty and full
[[nodiscard]] int measure_queue(const Config& config);
[[nodiscard]] int show_stat(const Config& config);
[[nodiscard]] int peek_messages(const Config& config);
[[nodiscard]] int verify_queue(const Config& config);
[[nodiscard]] int list_queues(const Config& config);

[[nodiscard]] int create_queue(const Config& config);
[[nodiscard]] int purge_queue(const Config& config);
[[nodiscard]] int remove_queue(const Config& config);
