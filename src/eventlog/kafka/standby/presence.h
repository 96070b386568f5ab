// Whether others share a group's partitions out in slots.
#pragma once

#include <string>
#include <vector>

#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

// Nothing would fence a member of the group and an owner of slots against one another: both would commit for one
// partition, and each record would be applied twice. So a process that is configured without standbys asks before it
// joins. kInvalid: an owner of slots lives there. Takes two beats where one may.
[[nodiscard]] Status check_no_slots(Cluster& cluster, env::Clock& clock, const std::string& group,
                                    const std::vector<Topic>& topics);

}  // namespace freshet::eventlog::kafka
