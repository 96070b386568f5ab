// Takes the records of some keys out of a topic: they keep their offset and their key, and lose their value. Chunks are
// rewritten in place, so nobody's position changes.
#pragma once

#include <atomic>
#include <set>
#include <string>

#include "eventlog/embedded/state.h"
#include "eventlog/embedded/writer.h"

namespace freshet::eventlog::embedded {

// Of all partitions of the topic. kRetry: a group has not read some of them yet, or `canceled` became true.
[[nodiscard]] Status forget_records(kv::Store& store, LogState& state, Writer& writer, const TopicState& topic,
                                    const std::set<std::string, std::less<>>& keys, const std::atomic<bool>& canceled);

}  // namespace freshet::eventlog::embedded
