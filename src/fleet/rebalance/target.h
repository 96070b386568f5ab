// Where replicas should lie: the first half of a plan, which knows nothing of time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/rebalance/state.h"

namespace freshet::fleet::rebalance {

struct Goal {
  std::vector<int32_t> add;    // brokers that take their share; nobody else takes anything
  std::vector<int32_t> drain;  // brokers that shall be empty
  bool even_brokers = false;   // every broker as full as the others
  bool even_dirs = false;      // within each broker, every log dir as full as the others
  double tolerance = 0.1;      // of what is usual: nearer than that is even
};

// For each partition of the state, the places of its replicas in the order of theirs: the i-th replica goes from
// partition.replicas[i].place to target[p][i].
using Target = std::vector<std::vector<Place>>;

// As few bytes moved as the goal needs: a replica moves only from where there is too much to where there is too little,
// never onto a broker that has another replica of the partition, and never so that the replicas lie in fewer racks than
// before. kInvalid: a broker is not there, or a partition has nowhere to go; which, and what would help.
[[nodiscard]] Result<Target> target_of(const State& state, const Goal& goal);

// A partition whose replicas somebody wants on these brokers.
struct Wanted {
  std::string topic;
  int32_t partition = 0;
  std::vector<int32_t> brokers;
};
// The target that somebody else made. What stays keeps its place in the order, and so its chance to lead; what comes
// takes the place of what goes, of the same rack if one of it does, so that each move by itself keeps the racks.
// kInvalid: a partition or broker is not there, twice, or of another number.
[[nodiscard]] Result<Target> target_from(const State& state, const std::vector<Wanted>& wanted);

}  // namespace freshet::fleet::rebalance
