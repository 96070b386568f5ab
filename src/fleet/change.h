// One key of one thing set to another value: what a finding or a plan proposes, and what a test of it applies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// A change is rendered by lint and plan for people and for programs, and applied by tests: a finding that is mended
// must be gone.
struct Change {
  enum class Kind : uint8_t { kCluster, kTopic, kService, kProducer, kConsumer, kMirror };
  Kind kind = Kind::kCluster;
  Index index = kNone;  // into that list of the topology
  std::string key;      // as in fleet.yaml; "volumes.size" for a key inside
  std::string value;    // as it would be written there

  bool operator==(const Change&) const = default;
};

// Sets it. What is not a key of such a thing, or not a value of it: kInvalid, and nothing is changed. References and
// names can't be changed in this way. A value that fleet.yaml would refuse in relation to others (instances_max below
// instances) is taken as it is.
[[nodiscard]] Status apply(const Change& change, Topology& fleet);

// REQUIRES of both: the index is one of that list of the fleet.
// "cluster main", "topic main/orders", "service billing", "producer shop-web", … as findings name it.
[[nodiscard]] std::string subject_of(const Topology& fleet, Change::Kind kind, Index index);
// Where this key of it stands, or itself.
[[nodiscard]] yaml::Place place_of(const Topology& fleet, Change::Kind kind, Index index, std::string_view key);

}  // namespace freshet::fleet
