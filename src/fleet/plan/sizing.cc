// The cheapest size is found by trying all: machines, numbers of brokers, volumes of each. That is exact, and quick
// because a use goes down with every broker that is added, so the search of a machine ends as soon as its brokers
// alone cost more than the best so far.
#include "fleet/plan/sizing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

constexpr double kGibBytes = 1024.0 * 1024 * 1024;
constexpr double kMibBytes = 1024.0 * 1024;
// Proposals are round: nobody orders 1,037 GiB.
constexpr double kGibStep = 10;
constexpr uint32_t kBrokersMin = 3;

double largest_part(const Load& load, const BrokerShape& broker, const std::vector<Scenario>& scenarios,
                    const Prices& prices) {
  return tightness_of(load, broker, scenarios, prices).part;
}

// Makes a broker whose volumes are no bound.
BrokerShape without_volumes(const InstancePrice& instance) {
  // Large, not infinite: infinity times zero volumes would be no number.
  const double endless = std::numeric_limits<double>::max() / 1e6;
  return {&instance, 1, endless, endless};
}

// The smallest volumes with which `size` holds the load. False: a volume can't be so large or fast.
bool fit_volumes(const Load& load, const std::vector<Scenario>& scenarios, const VolumePrice& volume,
                 const Prices& prices, Size& size) {
  // The worst of all scenarios at once: the fewest that serve share the writes, the fewest that keep share the bytes.
  // The formulas are those of use_of() for kVolumes and kDisk, solved for the volume.
  double serving = size.brokers, on_each = 0;
  for (const Scenario& scenario : scenarios) {
    serving = std::min(serving, scenario.present.serving);
    on_each = std::max(on_each, kept_bytes(load, scenario.present.keeping) / scenario.present.keeping);
  }
  FRESHET_ASSERT(serving > 0 && size.volumes > 0);
  const double written = load.peak.in_bytes + load.peak.replicated_bytes;
  const double throughput = written / (serving * size.volumes * prices.limits.bandwidth * kMibBytes);
  const double bytes = (on_each / size.volumes + 2 * load.largest_replica_bytes) / prices.limits.disk;
  size.volume_gib = std::max(kGibStep, std::ceil(bytes / kGibBytes / kGibStep) * kGibStep);
  size.throughput_mib_per_s = std::max(volume.throughput_included_mib_per_s, std::ceil(throughput));
  size.iops = std::max(volume.iops_included, std::ceil(size.throughput_mib_per_s / volume.mib_per_s_per_iops));
  return size.volume_gib * kGibBytes <= volume.size_bytes_max &&
         size.throughput_mib_per_s <= volume.throughput_max_mib_per_s;
}

double price_of(const Size& size, const Prices& prices) { return cost_of(size, prices).total(); }

struct Best {
  std::optional<Size> size;
  double usd = std::numeric_limits<double>::infinity();

  void offer(const Size& candidate, const Prices& prices) {
    const double price = price_of(candidate, prices);
    FRESHET_ASSERT(price >= 0);
    const bool better = price < usd || (price == usd && candidate.brokers < size->brokers);
    if (!better) return;
    size = candidate;
    usd = price;
  }
};

// Tries all numbers of brokers of one machine type, as long as more of them can be cheaper.
void offer_instance(const Load& load, size_t zones, const InstancePrice& instance, const VolumePrice& volume,
                    const Prices& prices, Best& best) {
  // Brokers in multiples of the zones, so that all zones carry the same (lint: uneven-zones). Three at least, and as
  // many as a partition has replicas: with fewer Kafka does not create the topic.
  const auto step = static_cast<uint32_t>(zones);
  const uint32_t least = std::max({kBrokersMin, replication_max(load), step});
  for (uint32_t brokers = (least + step - 1) / step * step; brokers <= prices.limits.brokers_per_cluster;
       brokers += step) {
    if (brokers * instance.usd_per_hour * prices.hours_per_month > best.usd) return;
    const std::vector<Scenario> scenarios = scenarios_of(brokers, zones);
    if (largest_part(load, without_volumes(instance), scenarios, prices) > 1) continue;
    for (uint32_t volumes = 1; volumes <= prices.limits.volumes_per_broker; ++volumes) {
      Size size{instance.name, brokers, volumes, volume.name};
      if (fit_volumes(load, scenarios, volume, prices, size)) best.offer(size, prices);
    }
  }
}

}  // namespace

Size size_of(const Cluster& cluster) {
  const Volumes& volumes = cluster.volumes;
  return {cluster.instance,
          cluster.brokers,
          volumes.count,
          volumes.type,
          static_cast<double>(volumes.size_bytes) / kGibBytes,
          static_cast<double>(volumes.iops),
          static_cast<double>(volumes.throughput_bytes_per_s) / kMibBytes};
}

void set_size(Cluster& cluster, const Size& size) {
  cluster.instance = size.instance;
  cluster.brokers = size.brokers;
  cluster.volumes.count = size.volumes;
  cluster.volumes.type = size.volume_type;
  cluster.volumes.size_bytes = static_cast<uint64_t>(size.volume_gib * kGibBytes);
  cluster.volumes.iops = static_cast<uint32_t>(size.iops);
  cluster.volumes.throughput_bytes_per_s = static_cast<uint64_t>(size.throughput_mib_per_s * kMibBytes);
}

Cost& Cost::operator+=(const Cost& other) {
  brokers += other.brokers;
  volumes += other.volumes;
  care += other.care;
  controllers += other.controllers;
  cross_zone += other.cross_zone;
  cross_region += other.cross_region;
  mirrors += other.mirrors;
  remote += other.remote;
  return *this;
}

Cost cost_of(const Size& size, const Prices& prices) {
  const InstancePrice* instance = prices.find_instance(size.instance);
  const VolumePrice* volume = prices.find_volume(size.volume_type);
  FRESHET_ASSERT(instance != nullptr && volume != nullptr);
  // Of a volume: gp3 includes 3,000 IOPS and 125 MiB/s; only what is beyond that is paid.
  const double each = size.volume_gib * volume->usd_per_gib_month +
                      std::max(0.0, size.iops - volume->iops_included) * volume->usd_per_iops_month +
                      std::max(0.0, size.throughput_mib_per_s - volume->throughput_included_mib_per_s) *
                          volume->usd_per_mib_per_s_month;
  Cost cost;
  cost.brokers = size.brokers * instance->usd_per_hour * prices.hours_per_month;
  cost.care = size.brokers * prices.usd_per_broker_month;
  cost.volumes = size.brokers * size.volumes * each;
  return cost;
}

BrokerShape shape_of(const Size& size, const Prices& prices) {
  const InstancePrice* instance = prices.find_instance(size.instance);
  const VolumePrice* volume = prices.find_volume(size.volume_type);
  FRESHET_ASSERT(instance != nullptr && volume != nullptr);
  // EBS gives no more throughput than the IOPS carry (gp3: 0.25 MiB/s for each), however much is paid for.
  const double throughput = std::min(size.throughput_mib_per_s, size.iops * volume->mib_per_s_per_iops);
  return {instance, size.volumes, size.volume_gib * kGibBytes, throughput * kMibBytes};
}

std::vector<Scenario> scenarios_of(uint32_t brokers, size_t zones) {
  using What = Scenario::Kind;
  // A broker that is away for good is not there for its replicas either, which the others make anew. Those of a zone
  // are not made anew: that would take hours, and the zone comes back. Zones are dealt in turn, so the largest has
  // ceil(brokers / zones).
  FRESHET_ASSERT(brokers > 0 && zones > 0);
  const double all = brokers;
  std::vector<Scenario> out = {{What::kWhole, {all, all}}, {What::kBrokerAway, {all - 1, all - 1}}};
  if (zones > 1) out.push_back({What::kZoneAway, {all - std::ceil(all / static_cast<double>(zones)), all}});
  return out;
}

Tightness tightness_of(const Load& load, const BrokerShape& broker, const std::vector<Scenario>& scenarios,
                       const Prices& prices) {
  const PerResource limits = limits_of(prices);
  Tightness out{.part = -1};
  for (const Scenario& scenario : scenarios) {
    const PerResource use = use_of(load, broker, scenario.present, prices);
    const PerResource parts = parts_of(use, limits);
    const Resource resource = tightest(parts);
    const auto i = static_cast<size_t>(resource);
    if (parts[i] > out.part) out = {parts[i], use[i], limits[i], resource, scenario.kind};
  }
  FRESHET_ASSERT(out.part >= 0);  // else there is no scenario, or a part that is not a number
  return out;
}

// Ties go to the machine that stands first in the prices: the answer does not depend on anything but the input.
std::optional<Size> cheapest_size(const Load& load, size_t zones, std::string_view volume_type, const Prices& prices) {
  const VolumePrice* volume = prices.find_volume(volume_type);
  FRESHET_ASSERT(volume != nullptr && zones > 0);
  Best best;
  for (const InstancePrice& instance : prices.instances) {
    if (instance.broker) offer_instance(load, zones, instance, *volume, prices, best);
  }
  return best.size;
}

}  // namespace freshet::fleet
