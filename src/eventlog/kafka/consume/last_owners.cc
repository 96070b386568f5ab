// Whoever commits leaves its transactional id beside the offset. The id ends in the member's name, so it can be seen
// whether its owner is still in the group: one that lives decides its transaction itself.
#include "eventlog/kafka/consume/last_owners.h"

#include <algorithm>

namespace freshet::eventlog::kafka {

std::vector<std::string> dead_owners(Cluster& cluster, const std::string& group, const std::string& own,
                                     const std::vector<TopicPartition>& of) {
  const auto last = cluster.committed(group, of);
  const auto members = last ? cluster.members(group) : Result<std::vector<std::string>>{};
  if (!last || !members) return {};
  std::vector<std::string> ids;
  for (const auto& committed : *last) {
    const bool of_group = committed && committed->metadata.starts_with(group + ".");
    if (of_group && committed->metadata != own) ids.push_back(committed->metadata);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  // An id is the group's name and the member's, and with slots a number more.
  std::erase_if(ids, [&](const std::string& id) {
    const std::string instance = id.substr(group.size() + 1);
    return std::find(members->begin(), members->end(), instance) != members->end() ||
           std::find(members->begin(), members->end(), instance.substr(0, instance.rfind('.'))) != members->end();
  });
  return ids;
}

}  // namespace freshet::eventlog::kafka
