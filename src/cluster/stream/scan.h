// Reads ranges of a topic's partitions, all of them at once, to their ends.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"

namespace freshet::cluster {

// The offsets of a question, in its order. kRetry: one has none.
[[nodiscard]] Result<std::vector<int64_t>> offsets_of(Admin& admin, const std::vector<PartitionRef>& of,
                                                      OffsetAt::Kind at);
// Every partition of a topic.
[[nodiscard]] std::vector<PartitionRef> partitions_of(const std::string& topic, uint32_t count);

struct Range {
  int32_t partition = 0;
  int64_t first = 0;
  int64_t end = 0;  // exclusive
};

// Calls on_record(partition, record) for each record, of each partition in its order; its views live as long as the
// call. kRetry: nothing comes for silence_us. kInvalid, kNotFound: it can't be read.
[[nodiscard]] Status scan(Reader& reader, const std::string& topic, const std::vector<Range>& ranges,
                          env::TimeUs silence_us,
                          const std::function<void(int32_t partition, const Record&)>& on_record);

// The ends of these partitions as they are now, as soon as readers of committed records can see all below: a
// transaction that is open hides what others have committed behind its first record. kRetry: one is open for longer
// than most_us.
[[nodiscard]] Result<std::vector<int64_t>> settled_ends(Admin& admin, const std::vector<PartitionRef>& of,
                                                        env::Clock& clock, env::TimeUs most_us);

}  // namespace freshet::cluster
