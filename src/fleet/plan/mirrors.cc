#include "fleet/plan/mirrors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "fleet/render/names.h"

// Both kinds by the same formula: what differs is in the prices, and how much memory a process has.
namespace freshet::fleet {
namespace {

// Resident memory of a process that copies, as measured (docs/decisions/0024-mirror.md).
constexpr double kMirrorMakerBytes = 1.2e9;
constexpr double kFreshetBytes = 150e6;

// A mirror has to keep up with its topics' highest rates, not only with their average.
double peak_messages_of(const Topology& fleet, const Mirror& mirror) {
  double messages = 0;
  for (const MirroredTopic& topic : mirror.topics)
    messages += fleet.topics[topic.from].messages_per_s * fleet.topics[topic.from].peak_factor;
  return messages;
}

// The same core for both kinds, so that they can be compared.
double usd_per_core_hour(const Prices& prices) {
  double least = std::numeric_limits<double>::infinity();
  for (const InstancePrice& instance : prices.instances)
    if (instance.broker) least = std::min(least, instance.usd_per_hour / instance.vcpu);
  return least;
}

// MirrorMaker 2 writes a record into the partition of the same number.
bool is_one_to_one(const Topology& fleet, const Mirror& mirror) {
  return std::ranges::all_of(mirror.topics, [&](const MirroredTopic& topic) {
    return fleet.topics[topic.from].partitions == fleet.topics[topic.to].partitions;
  });
}

}  // namespace

double mirrored_message_us(MirrorKind kind, const Prices& prices) {
  const bool own = kind == MirrorKind::kFreshet && prices.cpu.freshet_mirrored_message > 0;
  return own ? prices.cpu.freshet_mirrored_message : prices.cpu.mirrored_message;
}

MirrorUse use_of(const Topology& fleet, const Mirror& mirror, MirrorKind kind, const Prices& prices) {
  const double usd = usd_per_core_hour(prices);
  FRESHET_ASSERT(std::isfinite(usd) && prices.limits.cpu > 0);
  const bool freshet = kind == MirrorKind::kFreshet;
  const bool own = freshet && prices.cpu.freshet_mirror_vcpu_min > 0;
  MirrorUse out;
  // Microseconds for a message times messages a second: cores, of which only so much may be in use.
  out.cores = std::max(own ? prices.cpu.freshet_mirror_vcpu_min : prices.cpu.mirror_vcpu_min,
                       peak_messages_of(fleet, mirror) * mirrored_message_us(kind, prices) / 1e6 / prices.limits.cpu);
  out.memory_bytes = workers_of(mirror) * (freshet ? kFreshetBytes : kMirrorMakerBytes);
  out.usd_per_month = out.cores * usd * prices.hours_per_month;
  return out;
}

std::vector<MirrorPlan> plan_mirrors(const Topology& fleet, const Prices& prices) {
  std::vector<MirrorPlan> out;
  for (const Mirror& mirror : fleet.mirrors) {
    const bool freshet = mirror.kind == MirrorKind::kFreshet;
    MirrorPlan& plan = out.emplace_back();
    plan.name = mirror.name;
    plan.kind = mirror.kind;
    plan.messages_per_s = peak_messages_of(fleet, mirror);
    plan.processes = workers_of(mirror);
    const Prices there = prices.in(fleet.regions[fleet.clusters[mirror.to].region]);  // It runs beside its target.
    plan.use = use_of(fleet, mirror, mirror.kind, there);
    plan.as_other = use_of(fleet, mirror, freshet ? MirrorKind::kMirrorMaker : MirrorKind::kFreshet, there);
    plan.other_can = !freshet || is_one_to_one(fleet, mirror);
  }
  return out;
}

}  // namespace freshet::fleet
