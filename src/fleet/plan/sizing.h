// What a cluster costs, whether it holds its load with a broker or a zone away, and the cheapest one that does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/plan/capacity.h"
#include "fleet/plan/prices.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// Sizes are as EBS sells volumes: size, IOPS and throughput are chosen apart, in GiB and MiB. What may be chosen of a
// cluster:
struct Size {
  std::string instance;
  uint32_t brokers = 0;
  uint32_t volumes = 1;  // of each broker, as are the rest
  std::string volume_type;
  double volume_gib = 0;
  double iops = 0;
  double throughput_mib_per_s = 0;

  bool operator==(const Size&) const = default;
};
[[nodiscard]] Size size_of(const Cluster& cluster);
void set_size(Cluster& cluster, const Size& size);

struct Cost {  // US dollars a month
  double brokers = 0;
  double volumes = 0;
  double care = 0;  // of brokers: what each costs beside its machine
  double controllers = 0;
  double cross_zone = 0;
  double cross_region = 0;
  double mirrors = 0;  // the machines that copy into it
  double remote = 0;   // storage of tiered topics

  [[nodiscard]] double total() const {
    return brokers + volumes + care + controllers + cross_zone + cross_region + mirrors + remote;
  }
  Cost& operator+=(const Cost& other);
};
// Of brokers and volumes. REQUIRES: instance and volume type are known to `prices`, as of all functions here.
[[nodiscard]] Cost cost_of(const Size& size, const Prices& prices);

// Says what a broker of this size can do. The machine is one of `prices`, which must outlive the shape.
[[nodiscard]] BrokerShape shape_of(const Size& size, const Prices& prices);

// A scenario is a moment in which the load must fit: so many brokers serve, so many keep replicas.
struct Scenario {
  enum class Kind : uint8_t { kWhole, kBrokerAway, kZoneAway, kLost };  // kLost: what --lose says
  Kind kind = Kind::kWhole;
  Present present;
};
[[nodiscard]] constexpr auto names_of(Scenario::Kind) {
  using enum Scenario::Kind;
  return std::to_array<Name<Scenario::Kind>>({{kWhole, "nothing away"},
                                              {kBrokerAway, "a broker away"},
                                              {kZoneAway, "a zone away"},
                                              {kLost, "after the loss"}});
}
// A cluster must hold its load in each: whole, the loss of any one broker (for good: its replicas are made anew on the
// others) and, if it has several zones, of the largest (for a while). Brokers are spread over zones in turn.
[[nodiscard]] std::vector<Scenario> scenarios_of(uint32_t brokers, size_t zones);

// Which resource in which scenario is nearest to its limit.
struct Tightness {
  double part = 0;   // of the limit: up to 1 it holds
  double use = 0;    // of what there is
  double limit = 1;  // of it that may be in use
  Resource resource = Resource::kCpu;
  Scenario::Kind scenario = Scenario::Kind::kWhole;
};
[[nodiscard]] Tightness tightness_of(const Load& load, const BrokerShape& broker,
                                     const std::vector<Scenario>& scenarios, const Prices& prices);

// The cheapest size that holds the load; of several the one with the fewest brokers. Brokers come in multiples of the
// zones, three at least and enough for every replica. Volumes have just what is needed: size in steps of 10 GiB.
// nullopt: nothing in `prices` does.
[[nodiscard]] std::optional<Size> cheapest_size(const Load& load, size_t zones, std::string_view volume_type,
                                                const Prices& prices);

}  // namespace freshet::fleet
