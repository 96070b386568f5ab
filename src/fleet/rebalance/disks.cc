#include "fleet/rebalance/disks.h"

#include <limits>

namespace freshet::fleet::rebalance {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

}  // namespace

Disks::Disks(const State& state, const Limits& limits) : state_(state), limits_(limits) {
  for (const Broker& broker : state.brokers) {
    for (uint32_t d = 0; d < broker.dirs.size(); ++d) {
      Dir& dir = dirs_[{broker.id, d}];
      dir.used_bytes = broker.dirs[d].used_bytes;
      dir.total_bytes = broker.dirs[d].total_bytes;
    }
  }
  for (const Partition& partition : state.partitions) {
    for (const Replica& replica : partition.replicas) {
      const auto at = dirs_.find(replica.place);
      if (at == dirs_.end()) continue;
      at->second.growth_bytes_per_s += partition.in_bytes_per_s;
      at->second.growth_bytes_max +=
          partition.bytes_max <= 0 ? kNever : std::max(0.0, partition.bytes_max - partition.bytes());
    }
  }
}

void Disks::add(const Copy& copy) {
  FRESHET_ASSERT(copy.begin_s <= copy.end_s && copy.end_s <= copy.gone_s);
  dirs_.at(copy.to).in.push_back(copies_.size());
  // A broker that is down has its old replica still, on a disk that nobody sees.
  if (const auto at = dirs_.find(copy.from); at != dirs_.end()) at->second.out.push_back(copies_.size());
  copies_.push_back(copy);
}

void Disks::take_back(size_t count) {
  FRESHET_ASSERT(count <= copies_.size());
  for (; count > 0; --count) {
    const Copy& copy = copies_.back();
    dirs_.at(copy.to).in.pop_back();
    if (const auto at = dirs_.find(copy.from); at != dirs_.end()) at->second.out.pop_back();
    copies_.pop_back();
  }
}

double Disks::growth_of(size_t partition, double t_s) const {
  const Partition& of = state_.partitions[partition];
  return of.bytes_at(t_s) - of.bytes();
}

// Retention stops the partitions of a dir one by one; that all of them grow until all are stopped is more than that, so
// it is an upper bound. What a copy takes away is subtracted exactly.
double Disks::used_before(const Dir& dir, double t_s) const {
  double used = dir.used_bytes + std::min(dir.growth_bytes_per_s * t_s, dir.growth_bytes_max);
  for (const size_t i : dir.in)
    if (copies_[i].begin_s < t_s) used += state_.partitions[copies_[i].partition].bytes_at(t_s);
  for (const size_t i : dir.out) {
    const Copy& copy = copies_[i];
    if (copy.end_s < t_s) used -= growth_of(copy.partition, t_s) - growth_of(copy.partition, copy.end_s);
    if (copy.gone_s < t_s) used -= state_.partitions[copy.partition].bytes_at(copy.end_s);
  }
  return used;
}

// Between two moments at which something goes a dir only gets fuller, so just before them it is at its fullest.
DirPeak Disks::peak_of(Place place) const {
  const Dir& dir = dirs_.at(place);
  double end_s = 0;
  for (const Copy& copy : copies_) end_s = std::max(end_s, copy.gone_s);
  DirPeak peak{place, used_before(dir, 0), 0,
               dir.in.empty() ? dir.total_bytes : dir.total_bytes * (1 - limits_.reserve_share)};
  const auto look = [&](double t_s) {
    const double used = used_before(dir, t_s);
    if (used > peak.used_bytes) peak = {place, used, t_s, peak.limit_bytes};
  };
  for (const size_t i : dir.out) look(copies_[i].gone_s);
  look(end_s);
  return peak;
}

std::optional<DirPeak> Disks::breach_of(const std::vector<Place>& places) const {
  for (const Place place : places) {
    if (!dirs_.contains(place)) continue;
    const DirPeak peak = peak_of(place);
    if (peak.used_bytes > peak.limit_bytes) return peak;
  }
  return std::nullopt;
}

std::vector<DirPeak> Disks::peaks() const {
  std::vector<DirPeak> out;
  for (const auto& [place, dir] : dirs_)
    if (!dir.in.empty() || !dir.out.empty()) out.push_back(peak_of(place));
  return out;
}

std::optional<double> Disks::next_gone_s(double now_s) const {
  std::optional<double> next;
  for (const Copy& copy : copies_)
    if (copy.gone_s > now_s && (!next || copy.gone_s < *next)) next = copy.gone_s;
  return next;
}

}  // namespace freshet::fleet::rebalance
