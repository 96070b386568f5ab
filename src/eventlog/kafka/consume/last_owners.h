// Who may have left a transaction open that the offsets of a partition wait for.
#pragma once

#include <string>
#include <vector>

#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

// The transactional ids, but for `own`, that committed last in these partitions of the group and belong to no member
// any more. None if the brokers do not say.
[[nodiscard]] std::vector<std::string> dead_owners(Cluster& cluster, const std::string& group, const std::string& own,
                                                   const std::vector<TopicPartition>& of);

}  // namespace freshet::eventlog::kafka
