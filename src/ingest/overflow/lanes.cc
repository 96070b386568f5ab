#include "ingest/overflow/lanes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"

namespace freshet::ingest {
namespace {

// What waits longer would outlive the window in which repetitions are recognized, so no lane takes more than its rate
// moves in half of that.
constexpr uint64_t kLongestWaitS = 43'200;
constexpr uint32_t kRetryUsualS = 1;
constexpr uint32_t kRetryMaxS = 3600;  // by then rates and nodes may be others

std::string name_of_lane(LaneKind kind) { return kind == LaneKind::kLive ? "live" : "backfill"; }

double ratio(uint64_t is, uint64_t most) { return static_cast<double>(is) / static_cast<double>(most); }

void show_depth(const std::string& tenant, LaneKind kind, const LaneDepth& depth, env::TimeUs now_us) {
  const telemetry::Labels labels = {{"tenant", tenant}, {"lane", name_of_lane(kind)}};
  const auto set = [&](const char* what, const char* help, double value) {
    telemetry::gauge(what, help, labels).set(value);
  };
  const env::TimeUs age = depth.oldest_us == 0 ? 0 : std::max<env::TimeUs>(now_us - depth.oldest_us, 0);
  set("freshet_overflow_waiting_records", "Records that wait in overflow, in the partitions of this node.",
      static_cast<double>(depth.records));
  set("freshet_overflow_waiting_bytes", "Their bytes.", static_cast<double>(depth.bytes));
  set("freshet_overflow_waiting_seconds", "How long ago the oldest of them was received.",
      static_cast<double>(age) / 1e6);
}

void take_off(uint64_t& from, uint64_t count) { from -= std::min(from, count); }

}  // namespace

Lanes::OfTenant& Lanes::of(const model::Tenant& tenant) {
  auto found = tenants_.find(tenant.name);
  if (found == tenants_.end()) found = tenants_.emplace(tenant.name, OfTenant{}).first;
  found->second.rate = tenant.rate;
  return found->second;
}

// One at a time: no request waits for ten thousand others' rates.
void Lanes::know(const std::vector<std::shared_ptr<const model::Tenant>>& tenants) {
  for (const auto& tenant : tenants) {
    const std::lock_guard lock(mutex_);
    (void)of(*tenant);
  }
}

Lanes::Lane& Lanes::lane(const LaneName& name) { return tenants_[name.tenant].lanes[static_cast<size_t>(name.kind)]; }

void Lanes::open(const LaneName& name, Lane& lane, uint32_t partition) {
  FRESHET_ASSERT(partition < options_.partitions);
  if (lane.open) return;
  lane.open = true;
  lane.partition = partition;
  open_lanes_.insert(name);
  ++open_;
}

// This node's own share of the partitions, so that what enters is soon seen to have left; every tenant has one of them.
uint32_t Lanes::partition_for(const std::string& tenant) const {
  if (owned_.empty()) return partition_of(tenant, options_.partitions);
  return owned_[partition_of(tenant, static_cast<uint32_t>(owned_.size()))];
}

uint64_t Lanes::records_max(const model::Rate& rate) const {
  if (rate.events_per_second == 0) return options_.records_max;
  const uint64_t of_all = rate.events_per_second * kLongestWaitS;
  const uint64_t of_rate = of_all * std::max<size_t>(owned_.size(), 1) / options_.partitions;
  return std::min(options_.records_max, std::max<uint64_t>(of_rate, 1));
}

uint64_t Lanes::available(OfTenant& tenant) {
  const model::Rate& rate = tenant.rate;
  if (rate.events_per_second == 0) return std::numeric_limits<uint64_t>::max();
  if (owned_.empty()) return 0;
  const double share = static_cast<double>(owned_.size()) / options_.partitions;
  const double burst = static_cast<double>(rate.burst == 0 ? rate.events_per_second : rate.burst) * share;
  // A bucket smaller than one would never give any.
  return tenant.bucket.available(static_cast<double>(rate.events_per_second) * share, std::max(burst, 1.0),
                                 options_.clock->monotonic_us());
}

uint32_t Lanes::full_for_s(const model::Tenant& tenant, LaneKind kind) {
  if (open_ == 0) return 0;
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(tenant.name);
  if (found == tenants_.end()) return 0;
  const Lane& lane = found->second.lanes[static_cast<size_t>(kind)];
  const uint64_t most = records_max(tenant.rate);
  if (!lane.open || (lane.records < most && lane.bytes < options_.bytes_max)) return 0;
  // Without a rate the drain moves as fast as the stages behind, which nobody knows.
  const double rate = static_cast<double>(tenant.rate.events_per_second) * static_cast<double>(owned_.size()) /
                      static_cast<double>(options_.partitions);
  if (rate <= 0) return kRetryUsualS;
  const uint64_t over = lane.records >= most ? lane.records - most + 1 : 0;
  const double bytes_each = static_cast<double>(lane.bytes) / static_cast<double>(std::max<uint64_t>(lane.records, 1));
  const uint64_t over_bytes = lane.bytes >= options_.bytes_max ? lane.bytes - options_.bytes_max + 1 : 0;
  const double records =
      std::max(static_cast<double>(over), static_cast<double>(over_bytes) / std::max(bytes_each, 1.0));
  return static_cast<uint32_t>(std::clamp(std::ceil(records / rate), 1.0, static_cast<double>(kRetryMaxS)));
}

std::optional<uint32_t> Lanes::enter(const model::Tenant& tenant, LaneKind kind, size_t records) {
  const bool has_turn = options_.crowd == nullptr || options_.crowd->comes(tenant.name, kind, records);
  // Nearly always it is like this, and nobody waits for anybody.
  if (has_turn && tenant.rate.events_per_second == 0 && open_ == 0 && settled_) {
    if (options_.crowd != nullptr) options_.crowd->went(records);
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  OfTenant& known = of(tenant);
  Lane& lane = known.lanes[static_cast<size_t>(kind)];
  const bool waits = lane.open && !FRESHET_MUTANT(kOverflowOvertaken);
  if (!waits && settled_ && has_turn && available(known) >= records) {
    if (known.rate.events_per_second > 0) known.bucket.take(records);
    if (options_.crowd != nullptr) options_.crowd->went(records);
    return std::nullopt;
  }
  open({tenant.name, kind}, lane, partition_for(tenant.name));
  ++lane.appends;
  ++lane.under_way;
  if (lane.entered == nullptr)
    lane.entered = &telemetry::counter("freshet_overflow_records_total",
                                       "Records that went into overflow, as they were over the tenant's rate or share.",
                                       {{"tenant", tenant.name}, {"lane", name_of_lane(kind)}});
  return lane.partition;
}

void Lanes::entered(const LaneName& name, size_t records, size_t bytes) {
  const std::lock_guard lock(mutex_);
  Lane& of_name = lane(name);
  FRESHET_ASSERT(of_name.open && of_name.under_way > 0);
  of_name.records += records;
  of_name.bytes += bytes;
}

// What was given up may be in the log all the same; then the drain moves it, and a count that would fall below 0 stays
// there.
void Lanes::left(const LaneName& name, bool taken, size_t records, size_t bytes) {
  const std::lock_guard lock(mutex_);
  Lane& of_name = lane(name);
  FRESHET_ASSERT(of_name.open && of_name.under_way > 0);
  --of_name.under_way;
  // What was given up is sent again, and counted when it has come.
  if (taken && of_name.entered != nullptr) of_name.entered->add(records);
  if (taken) return;
  take_off(of_name.records, records);
  take_off(of_name.bytes, bytes);
}

void Lanes::own(std::vector<uint32_t> partitions) {
  const std::lock_guard lock(mutex_);
  FRESHET_ASSERT(partitions.size() <= options_.partitions);
  owned_ = std::move(partitions);
}

void Lanes::found(const LaneName& name, uint32_t partition, uint64_t records, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Lane& of_name = lane(name);
  open(name, of_name, partition);
  // What this node has put there itself it has counted already.
  of_name.records = std::max(of_name.records, records);
  of_name.bytes = std::max(of_name.bytes, bytes);
}

uint64_t Lanes::available(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  return available(tenants_[tenant]);
}

void Lanes::moved(const LaneName& name, uint64_t records, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  OfTenant& tenant = tenants_[name.tenant];
  if (tenant.rate.events_per_second > 0) tenant.bucket.take(records);
  Lane& of_name = tenant.lanes[static_cast<size_t>(name.kind)];
  take_off(of_name.records, records);
  take_off(of_name.bytes, bytes);
}

std::vector<Lanes::Open> Lanes::quiet() {
  std::vector<Open> out;
  if (open_ == 0) return out;
  const std::lock_guard lock(mutex_);
  for (const LaneName& name : open_lanes_)
    if (const Lane& of_name = lane(name); of_name.under_way == 0)
      out.push_back({name, of_name.partition, of_name.appends});
  return out;
}

void Lanes::close(const Open& open) {
  const std::lock_guard lock(mutex_);
  Lane& of_name = lane(open.lane);
  if (!of_name.open || of_name.appends != open.appends || of_name.partition != open.partition) return;
  FRESHET_ASSERT(of_name.under_way == 0);
  of_name.open = false;
  of_name.shown = {};
  of_name.records = 0;
  of_name.bytes = 0;
  open_lanes_.erase(open.lane);
  --open_;
}

void Lanes::show(std::map<LaneName, LaneDepth> depths) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, tenant] : tenants_) {
    bool any = false;
    double fullest = 0;
    for (size_t kind = 0; kind < kLaneKinds; ++kind) {
      const auto found = depths.find({name, static_cast<LaneKind>(kind)});
      const LaneDepth depth = found == depths.end() ? LaneDepth{} : found->second;
      Lane& lane = tenant.lanes[kind];
      // Gauges are made for those that have something to show.
      if (depth.records == 0 && !lane.gauged) continue;
      any = lane.gauged = true;
      lane.shown = depth;
      show_depth(name, static_cast<LaneKind>(kind), depth, options_.clock->now_us());
      // At 1 it refuses: full_for_s().
      if (lane.open)
        fullest =
            std::max({fullest, ratio(lane.records, records_max(tenant.rate)), ratio(lane.bytes, options_.bytes_max)});
    }
    if (any)
      telemetry::gauge("freshet_overflow_full_ratio", "How full the fullest lane is.", {{"tenant", name}}).set(fullest);
  }
}

LaneDepth Lanes::depth(const std::string& tenant, LaneKind kind) {
  const std::lock_guard lock(mutex_);
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? LaneDepth{} : depth_of(found->second.lanes[static_cast<size_t>(kind)]);
}

// What this node has put there itself it knows at once, the rest a second later.
LaneDepth Lanes::depth_of(const Lane& lane) {
  LaneDepth depth = lane.shown;
  depth.records = std::max(depth.records, lane.records);
  depth.bytes = std::max(depth.bytes, lane.bytes);
  return depth;
}

uint64_t Lanes::waiting() {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [name, tenant] : tenants_)
    for (const Lane& lane : tenant.lanes) sum += depth_of(lane).records;
  return sum;
}

}  // namespace freshet::ingest
