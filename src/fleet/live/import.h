// A first fleet.yaml from living clusters. What clusters do not tell (machines, disks, rates, owners, who produces) has
// its default in it, for somebody to fill in; what they tell is said so that `fleet diff` finds no difference.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "fleet/live/now.h"

namespace freshet::fleet {

struct GroupSeen {
  std::string name;
  uint32_t members = 0;
  std::set<std::string> topics;  // of which it has committed an offset, or a member reads a partition
};

struct ClusterSeen {
  std::string name;  // as it shall be called: one that fleet.yaml takes
  std::string bootstrap;
  ClusterNow now;
  std::vector<GroupSeen> groups;
};

// Consumer groups and what they read. What could not be asked becomes a note.
[[nodiscard]] Result<std::vector<GroupSeen>> look_at_groups(cluster::Admin& admin, const ClusterNow& now,
                                                            std::vector<std::string>& notes);

struct Imported {
  std::string text;                // of the file
  std::vector<std::string> notes;  // what a file can't say
};
// Pure. `properties` are those that all clusters were reached with: secrets among them are named, not written. REQUIRES:
// the clusters' names are all different.
[[nodiscard]] Imported import_fleet(const std::string& name, const cluster::Properties& properties,
                                    const std::vector<ClusterSeen>& clusters);

// A name of a cluster or service, made of any text: "Billing_EU" is "billing-eu".
[[nodiscard]] std::string dns_name_of(std::string_view text);

}  // namespace freshet::fleet
