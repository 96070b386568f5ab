// A fleet split into clusters against the same work in as few as can be: what it costs, and how much stands still if
// one cluster does.
#pragma once

#include <string>

#include "fleet/topology.h"

namespace freshet::fleet {

// The same services and topics in one cluster for each region: mirrors within a region are gone, who read a copy reads
// the original, which is kept for the longest that any copy was. Topics of one name that are not copies of each other
// get their cluster's name before theirs. Sizes are those of the region's first cluster.
[[nodiscard]] Topology merged(const Topology& fleet);

// Parts from 0 to 1. Of services: of those that produce or consume anything. Of traffic: of all messages into clusters.
// Says how much stands still when one cluster does.
struct BlastRadius {
  double services_worst = 0;  // touch the cluster that most touch
  double services_mean =
      0;  // of a cluster, each weighted by its brokers: where a broker or a change of settings goes wrong
  double fed_worst = 0;  // touch a cluster or one that mirrors feed from it: they work on, but get nothing new
  double traffic_worst = 0;
  double traffic_mean = 0;
  std::string worst;  // by services
};
// Of the clusters as they are; sizes don't matter but for the weights of the means.
[[nodiscard]] BlastRadius blast_radius_of(const Topology& fleet);

}  // namespace freshet::fleet
