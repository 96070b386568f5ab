// What the leader of a consumer group gave a member, as Kafka's consumers write it (ConsumerProtocolAssignment):
//
//   version i16 | topics i32 | topics × (name: i16 length, bytes | partitions i32 | partitions × i32) | user data
//
// All integers are big-endian. The bytes are a stranger's: any client may be the leader of a group.
#pragma once

#include <string_view>
#include <vector>

#include "cluster/admin/values.h"

namespace freshet::cluster {

// Sorted. Empty too for bytes that are something else: groups of other protocols (Kafka Connect's) have their own.
[[nodiscard]] std::vector<PartitionRef> parse_assignment(std::string_view bytes);

}  // namespace freshet::cluster
