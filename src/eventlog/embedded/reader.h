// Finds the chunks from an offset on, in memory or in the store, and takes them apart. Nothing is copied: records are
// views into the buffers in which they were appended or read.
#pragma once

#include <vector>

#include "eventlog/embedded/state.h"

namespace freshet::eventlog::embedded {

// kNotFound below the low watermark, kCorrupt above the high one. Under the mutex.
[[nodiscard]] Status check_position(const Partition& partition, Offset from);

// The chunk with `from` and those after it, until there are bytes_max of them; at least one. False, and nothing, if
// that chunk is not in memory. REQUIRES: low <= from < high. Under the mutex.
[[nodiscard]] bool take_from_tail(const Partition& partition, Offset from, size_t bytes_max,
                                  std::vector<ChunkRef>& chunks);

// The same from the store, up to `high`. REQUIRES: from < high. The mutex is not held, as this waits for the disk.
[[nodiscard]] Status take_from_store(kv::Store& store, TopicPartition of, Offset from, Offset high, size_t bytes_max,
                                     std::vector<ChunkRef>& chunks);

// Views of the records from `from` on; kCorrupt if a chunk does not hold what its header says. REQUIRES: not empty.
[[nodiscard]] Result<Fetched> view_records(TopicPartition of, Offset from, std::vector<ChunkRef> chunks);

}  // namespace freshet::eventlog::embedded
