// These are the formulas of docs/fleet/plan.md, one resource after the other. All but the number of produce requests
// are linear in the load, so the parts that topics make add up, and the order of topics does not matter. Bytes are as
// sent and kept, after compression; costs of the processor are microseconds of one core.
#include "fleet/plan/capacity.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "fleet/limits.h"

namespace freshet::fleet {
namespace {

// The costs are per million bytes and in millionths of a second: both millions are this one.
constexpr double kMega = 1e6;

double& at(PerResource& values, Resource resource) { return values[static_cast<size_t>(resource)]; }

double ratio(double used, double available) {
  // Nothing of what is not needed is no overload; something of it can't be had at any size.
  FRESHET_ASSERT(used >= 0 && available >= 0);
  if (available > 0) return used / available;
  return used > 0 ? std::numeric_limits<double>::infinity() : 0;
}

// (MB/s * us/MB + messages/s * us/message + requests/s * us/request) / 10^6: seconds of a core in each second.
double cpu_cores(const Flow& flow, double requests, const CpuCosts& cpu) {
  const double by_bytes =
      flow.in_bytes * cpu.mb_in + flow.replicated_bytes * cpu.mb_replicated + flow.out_bytes * cpu.mb_out;
  return (by_bytes / kMega + flow.messages_in * cpu.message_in + requests * cpu.produce_request) / kMega;
}

}  // namespace

double sustained_throughput(const Sustained& c) {
  // Of n brokers each writes t r / n; of what they send, g readers take t each and followers t (r - 1).
  FRESHET_ASSERT(c.replication >= 1 && c.consumer_groups + c.replication > 1);
  return std::min({c.storage * c.brokers / c.replication, c.ebs * c.brokers / c.replication,
                   c.network * c.brokers / (c.consumer_groups + c.replication - 1)});
}

Resource tightest(const PerResource& parts) {
  return static_cast<Resource>(std::max_element(parts.begin(), parts.end()) - parts.begin());
}

double produce_requests(const Load& load, double brokers) {
  if (brokers <= 0) return 0;
  double requests = 0;
  for (const Sender& sender : load.senders) {
    // A request goes to one broker and takes along all that is for its partitions: with brokers away there are fewer
    // and larger requests, with more brokers than partitions no more of them.
    Batching batching = sender.batching;
    batching.brokers = std::min(brokers, batching.partitions);
    requests += requests_per_s(batching, sender.linger_us, sender.batch_bytes);
  }
  return requests;
}

double kept_bytes(const Load& load, double brokers) {
  double bytes = 0;
  for (const Kept& kept : load.kept) bytes += kept.bytes * std::min<double>(kept.replication, brokers);
  return bytes;
}

double replicas(const Load& load, double brokers) {
  double count = 0;
  for (const Kept& kept : load.kept) count += kept.partitions * std::min<double>(kept.replication, brokers);
  return count;
}

uint32_t replication_max(const Load& load) {
  uint32_t most = 1;
  for (const Kept& kept : load.kept) most = std::max(most, kept.replication);
  return most;
}

PerResource demand_of(const Load& load, Present present, const Prices& prices) {
  const Flow& peak = load.peak;
  // Every replica is written once and comes in once, from a producer or from its leader. Reads are taken to come from
  // the page cache (docs/fleet/plan.md lists what is not modelled), so volumes and their link to the machine only
  // write.
  FRESHET_ASSERT(0 <= present.serving && present.serving <= present.keeping);
  const double written = peak.in_bytes + peak.replicated_bytes;
  const double keeping = std::max(1.0, present.keeping);  // one replica at least must be somewhere
  PerResource demand{};
  at(demand, Resource::kCpu) = cpu_cores(peak, produce_requests(load, present.serving), prices.cpu);
  at(demand, Resource::kMemory) = written * prices.buffer_s;
  at(demand, Resource::kNetworkIn) = written;
  at(demand, Resource::kNetworkOut) = peak.replicated_bytes + peak.out_bytes;
  at(demand, Resource::kVolumes) = written;
  at(demand, Resource::kEbs) = written;
  at(demand, Resource::kDisk) = kept_bytes(load, keeping);
  at(demand, Resource::kPartitions) = replicas(load, keeping);
  return demand;
}

PerResource use_of(const Load& load, const BrokerShape& broker, Present present, const Prices& prices) {
  FRESHET_ASSERT(broker.instance != nullptr);
  PerResource demand = demand_of(load, present, prices);
  const InstancePrice& instance = *broker.instance;
  // Kafka's own heap stays small, whatever the machine; all else caches files. On a small machine it gets half.
  const double page_cache = instance.memory_bytes - std::min(prices.heap_bytes_max, instance.memory_bytes / 2);
  PerResource each{};
  at(each, Resource::kCpu) = instance.vcpu;
  at(each, Resource::kMemory) = page_cache;
  at(each, Resource::kNetworkIn) = instance.network_bytes_per_s;
  at(each, Resource::kNetworkOut) = instance.network_bytes_per_s;
  at(each, Resource::kVolumes) = broker.volumes * broker.volume_bytes_per_s;
  at(each, Resource::kEbs) = instance.ebs_bytes_per_s;
  at(each, Resource::kDisk) = broker.volumes * broker.volume_bytes;
  at(each, Resource::kPartitions) = instance.partitions;
  // What brokers do is divided among those that serve; what they have on disk, among those that keep.
  FRESHET_ASSERT(broker.volumes > 0);
  PerResource use{};
  for (size_t i = 0; i < kResources; ++i) {
    const auto resource = static_cast<Resource>(i);
    const bool kept = resource == Resource::kDisk || resource == Resource::kPartitions;
    use[i] = ratio(demand[i], each[i] * (kept ? present.keeping : present.serving));
  }
  // Moving a replica needs room for it beside the old one until it has caught up, and log dirs of a broker differ by
  // one replica at most (placement.h): two of the largest, on the dir that is hit.
  at(use, Resource::kDisk) += ratio(2 * load.largest_replica_bytes, broker.volume_bytes);
  // There are two bounds: what each broker is recommended, and what a cluster's controllers keep up with. The fuller
  // one counts.
  double& partitions = at(use, Resource::kPartitions);
  partitions = std::max(partitions, at(demand, Resource::kPartitions) / static_cast<double>(kClusterReplicasMax));
  return use;
}

PerResource limits_of(const Prices& prices) {
  PerResource limits;
  limits.fill(prices.limits.bandwidth);
  at(limits, Resource::kCpu) = prices.limits.cpu;
  at(limits, Resource::kMemory) = 1;
  at(limits, Resource::kDisk) = prices.limits.disk;
  at(limits, Resource::kPartitions) = 1;
  return limits;
}

PerResource parts_of(const PerResource& use, const PerResource& limits) {
  PerResource parts{};
  for (size_t i = 0; i < kResources; ++i) {
    FRESHET_ASSERT(limits[i] > 0);
    parts[i] = use[i] / limits[i];
  }
  return parts;
}

}  // namespace freshet::fleet
