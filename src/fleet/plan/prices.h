// What planning counts with: what machines and volumes can do, what they cost, how full they may be. Data, not code:
// the default is `prices.yaml` beside this file, built into the binary; a user replaces it with a file of the same
// shape.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/region_prices.h"
#include "fleet/topology.h"
#include "yaml/node.h"

namespace freshet::fleet {

// Describes a machine type: what it can do, and what it costs.
struct InstancePrice {
  std::string name;
  double vcpu = 0;
  double memory_bytes = 0;
  double network_bytes_per_s = 0;  // baseline, each direction
  double ebs_bytes_per_s = 0;      // baseline, to all of its volumes
  double usd_per_hour = 0;
  double partitions = 0;  // replicas recommended at most, by its size (limits.h)
  bool broker = false;    // may be recommended
};

// Describes a volume type. Fields are named after how the cloud bills: GiB, IOPS and MiB/s apart.
struct VolumePrice {
  std::string name;
  double usd_per_gib_month = 0;
  double size_bytes_max = 0;
  double iops_included = 0;
  double usd_per_iops_month = 0;
  double throughput_included_mib_per_s = 0;
  double throughput_max_mib_per_s = 0;
  double usd_per_mib_per_s_month = 0;
  double mib_per_s_per_iops = 0;  // throughput is never more than this for each IOPS
};

// Of one core, in microseconds.
// Says what work costs a processor. docs/fleet/plan.md tells how it was measured, and that it should be measured
// again.
struct CpuCosts {
  double mb_in = 0;  // 10^6 bytes as sent, at the leader
  double mb_replicated = 0;
  double mb_out = 0;
  double message_in = 0;
  double produce_request = 0;
  double mirrored_message = 0;          // on the mirror's own machines
  double mirror_vcpu_min = 0;           // of each mirror
  double freshet_mirrored_message = 0;  // the same of mirrors of kind freshet; 0: as of the others
  double freshet_mirror_vcpu_min = 0;
};

// Says how full each may be at the peak; the rest is for bursts, restarts and what the model leaves out.
struct Limits {  // parts of what there is
  double cpu = 0;
  double bandwidth = 0;
  double disk = 0;
  uint32_t brokers_per_cluster = 0;
  uint32_t volumes_per_broker = 0;
};

// Is one price list at one date, which `source` tells: of one region of a cloud, and what differs in others.
struct Prices {
  std::string source;
  std::string region;                                         // of which the figures are
  std::vector<std::pair<std::string, RegionPrices>> regions;  // others that are known, by name
  double hours_per_month = 0;
  double usd_per_broker_month = 0;  // beside its machine
  std::vector<InstancePrice> instances;
  std::vector<VolumePrice> volumes;
  double cross_zone_usd_per_gb = 0;  // 10^9 bytes
  double cross_region_usd_per_gb = 0;
  double remote_usd_per_gib_month = 0;  // of tiered topics
  CpuCosts cpu;
  double heap_bytes_max = 0;
  double buffer_s = 0;  // of writes that the page cache must hold
  Limits limits;

  [[nodiscard]] bool knows(std::string_view region_name) const;
  // Those of a region: what fleet.yaml says of it, or else what is known, or else the figures as they are. A family
  // that nobody has told is dearer there by as much as those that are told are on average.
  [[nodiscard]] Prices in(const Region& where) const;

  // Null: not known.
  [[nodiscard]] const InstancePrice* find_instance(std::string_view name) const;
  [[nodiscard]] const VolumePrice* find_volume(std::string_view name) const;
};

// nullopt: `problems` says what is wrong and where.
[[nodiscard]] std::optional<Prices> parse_prices(std::string_view yaml_text, yaml::Problems& problems);

// The text of prices.yaml.
extern const std::string_view kDefaultPrices;
// Parsed; it is tested that this can't fail.
[[nodiscard]] const Prices& default_prices();

}  // namespace freshet::fleet
