// Bounds of the embedded log (embedded_log.h).
#pragma once

#include <cstddef>

#include "env/clock.h"

namespace freshet::eventlog {

struct EmbeddedLogOptions {
  // Appends that wait or are being written; more is answered kRetry. Commits always get in: their workers bound them.
  size_t queue_bytes_max = 64u << 20;
  size_t tail_bytes_max = 48u << 20;  // newest chunks kept in memory, all partitions together
  // How long appends wait for others where one write follows on the other; 0: never.
  env::TimeUs gather_us = 4'000;
  env::TimeUs retention_interval_us = 10'000'000;
  // Not 0: records were lost, and partitions go on at this offset or a higher one (LogState's skip_ahead).
  int64_t skip_to = 0;
};

}  // namespace freshet::eventlog
