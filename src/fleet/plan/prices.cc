// Reads prices.yaml, the default or a user's. Bounds are wide: they only keep out what would overflow or divide by
// zero in capacity.cc and sizing.cc. Whether a figure is right, nobody but the user can know.
#include "fleet/plan/prices.h"

#include <algorithm>

#include "base/assert.h"
#include "fleet/limits.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

using yaml::MapReader;
using yaml::Node;
using yaml::Problems;

constexpr double kMost = 1e12;
constexpr uint64_t kBytesMost = 1ull << 60;
constexpr size_t kEntriesMax = 500;

// Every key must be there: a price that is left out would count as free.
class Section {
 public:
  Section(const Node& node, std::string path, Problems& problems) : map_(node, std::move(path), problems) {}
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  ~Section() { map_.finish(); }

  void number(const std::string& key, double min, double max, double& out) {
    if (map_.require(key, "a number") != nullptr) map_.number(key, min, max, out);
  }
  void optional(const std::string& key, double min, double max, double& out) { map_.number(key, min, max, out); }
  void count(const std::string& key, uint32_t min, uint32_t max, uint32_t& out) {
    if (map_.require(key, "a whole number") != nullptr) map_.count(key, min, max, out);
  }
  void bytes(const std::string& key, double& out) {
    uint64_t value = 0;
    if (map_.require(key, "a size, as 4GiB") == nullptr || !map_.bytes(key, 1, kBytesMost, value)) return;
    out = static_cast<double>(value);
  }
  void boolean(const std::string& key, Problems& problems, bool& out) {
    const Node* node = map_.require(key, "true or false");
    if (node != nullptr) yaml::read_boolean(*node, map_.path_of(key), problems, out);
  }
  void seconds(const std::string& key, double& out) {
    constexpr int64_t kHourUs = 3'600'000'000;
    int64_t us = 0;
    if (map_.require(key, "a duration, as 30s") == nullptr || !map_.duration_us(key, 0, kHourUs, us)) return;
    out = static_cast<double>(us) * 1e-6;
  }
  MapReader& map() { return map_; }

 private:
  MapReader map_;
};

InstancePrice read_instance(const std::string& name, const Node& node, Problems& problems) {
  Section in(node, "instances." + name, problems);
  InstancePrice out;
  out.name = name;
  double network_mbit = 0, ebs_mb = 0;
  in.number("vcpu", 0.1, kMost, out.vcpu);
  in.bytes("memory", out.memory_bytes);
  in.number("network_mbit_per_s", 0.001, kMost, network_mbit);
  in.number("ebs_mb_per_s", 0.001, kMost, ebs_mb);
  in.number("usd_per_hour", 0, kMost, out.usd_per_hour);
  out.partitions = partition_limits(name).recommended;
  in.boolean("broker", problems, out.broker);
  // In the units of the cloud's own tables: networks in megabits, EBS in megabytes of 10^6 bytes.
  out.network_bytes_per_s = network_mbit * 1e6 / 8;
  out.ebs_bytes_per_s = ebs_mb * 1e6;
  return out;
}

VolumePrice read_volume(const std::string& name, const Node& node, Problems& problems) {
  Section in(node, "volumes." + name, problems);
  VolumePrice out;
  out.name = name;
  in.number("usd_per_gib_month", 0, kMost, out.usd_per_gib_month);
  in.bytes("size_max", out.size_bytes_max);
  in.number("iops_included", 0, kMost, out.iops_included);
  in.number("usd_per_iops_month", 0, kMost, out.usd_per_iops_month);
  in.number("throughput_included_mib_per_s", 0.001, kMost, out.throughput_included_mib_per_s);
  in.number("throughput_max_mib_per_s", 0.001, kMost, out.throughput_max_mib_per_s);
  in.number("usd_per_mib_per_s_month", 0, kMost, out.usd_per_mib_per_s_month);
  in.number("mib_per_s_per_iops", 0.0001, kMost, out.mib_per_s_per_iops);
  return out;
}

// A map of named entries.
template <class Entry>
void read_entries(MapReader& file, const std::string& key, Problems& problems, std::vector<Entry>& out,
                  Entry (*read)(const std::string&, const Node&, Problems&)) {
  const Node* node = file.require(key, "a map from name to figures");
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kMap || node->keys.empty() || node->keys.size() > kEntriesMax)
    return problems.add(node->at, key + ": must be a map from name to figures, of 1 to 500 entries");
  for (size_t i = 0; i < node->keys.size(); ++i) out.push_back(read(node->keys[i].text, node->items[i], problems));
}

// The section `key`, if it is there.
template <class Read>
void read_section(MapReader& file, const std::string& key, Problems& problems, const Read& read) {
  const Node* node = file.require(key, "a map");
  if (node == nullptr) return;
  Section section(*node, key, problems);
  read(section);
}

void read_costs(MapReader& file, Prices& prices, Problems& problems) {
  read_section(file, "traffic", problems, [&](Section& in) {
    in.number("cross_zone_usd_per_gb", 0, kMost, prices.cross_zone_usd_per_gb);
    in.number("cross_region_usd_per_gb", 0, kMost, prices.cross_region_usd_per_gb);
  });
  read_section(file, "remote_storage", problems,
               [&](Section& in) { in.number("usd_per_gib_month", 0, kMost, prices.remote_usd_per_gib_month); });
  read_section(file, "cpu", problems, [&](Section& in) {
    in.number("mb_in", 0, kMost, prices.cpu.mb_in);
    in.number("mb_replicated", 0, kMost, prices.cpu.mb_replicated);
    in.number("mb_out", 0, kMost, prices.cpu.mb_out);
    in.number("message_in", 0, kMost, prices.cpu.message_in);
    in.number("produce_request", 0, kMost, prices.cpu.produce_request);
    in.number("mirrored_message", 0, kMost, prices.cpu.mirrored_message);
    in.number("mirror_vcpu_min", 0, kMost, prices.cpu.mirror_vcpu_min);
    in.optional("freshet_mirrored_message", 0, kMost, prices.cpu.freshet_mirrored_message);
    in.optional("freshet_mirror_vcpu_min", 0, kMost, prices.cpu.freshet_mirror_vcpu_min);
  });
}

void read_limits(MapReader& file, Prices& prices, Problems& problems) {
  read_section(file, "memory", problems, [&](Section& in) {
    in.bytes("heap_max", prices.heap_bytes_max);
    in.seconds("buffer", prices.buffer_s);
  });
  read_section(file, "limits", problems, [&](Section& in) {
    in.number("cpu", 0.01, 1, prices.limits.cpu);
    in.number("bandwidth", 0.01, 1, prices.limits.bandwidth);
    in.number("disk", 0.01, 1, prices.limits.disk);
    in.count("brokers_per_cluster", 1, 10'000, prices.limits.brokers_per_cluster);
    in.count("volumes_per_broker", 1, 64, prices.limits.volumes_per_broker);
  });
}

void read_by_name(Section& in, const std::string& key, Problems& problems, RegionPrices::ByName& out) {
  const Node* node = in.map().require(key, "a map from name to US dollars");
  if (node == nullptr) return;
  const std::string path = in.map().path_of(key);
  if (node->kind != Node::Kind::kMap || node->keys.size() > kEntriesMax)
    return problems.add(node->at, path + ": must be a map from name to US dollars");
  for (size_t i = 0; i < node->keys.size(); ++i) {
    double usd = 0;
    const std::string& name = node->keys[i].text;
    if (yaml::read_number(node->items[i], path + "." + name, 0, kMost, problems, usd)) out.emplace_back(name, usd);
  }
}

using NamedRegion = std::pair<std::string, RegionPrices>;

NamedRegion read_region(const std::string& name, const Node& node, Problems& problems) {
  Section in(node, "regions." + name, problems);
  NamedRegion out;
  out.first = name;
  read_by_name(in, "machines", problems, out.second.machines);
  read_by_name(in, "volumes", problems, out.second.volumes);
  double usd = 0;
  in.number("cross_zone_usd_per_gb", 0, kMost, usd);
  out.second.cross_zone_usd_per_gb = usd;
  in.number("cross_region_usd_per_gb", 0, kMost, usd);
  out.second.cross_region_usd_per_gb = usd;
  return out;
}

const double* find_usd(const RegionPrices::ByName& list, std::string_view name) {
  const auto at = std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
  return at == list.end() ? nullptr : &at->second;
}

// "c6g" of "c6g.2xlarge"
std::string_view family_of(std::string_view instance) { return instance.substr(0, instance.find('.')); }

// Of the xlarge of a family: 4 cores.
double usd_per_xlarge(const InstancePrice& instance) { return instance.usd_per_hour / instance.vcpu * 4; }

// Clouds price sizes of a family by their cores, so one price of a family says all of them.
void apply_machines(const RegionPrices::ByName& told, Prices& prices) {
  double dearer = 0;
  size_t families = 0;
  for (const auto& [family, usd] : told) {
    for (const InstancePrice& instance : prices.instances) {
      if (family_of(instance.name) != family || instance.usd_per_hour <= 0) continue;
      dearer += usd / usd_per_xlarge(instance);
      ++families;
      break;
    }
  }
  const double usual = families == 0 ? 1 : dearer / static_cast<double>(families);
  for (InstancePrice& instance : prices.instances) {
    const double* const usd = find_usd(told, family_of(instance.name));
    instance.usd_per_hour = usd != nullptr ? *usd * instance.vcpu / 4 : instance.usd_per_hour * usual;
  }
}

void apply(const RegionPrices& told, Prices& prices) {
  if (!told.machines.empty()) apply_machines(told.machines, prices);
  for (VolumePrice& volume : prices.volumes) {
    const double* const usd = find_usd(told.volumes, volume.name);
    if (usd == nullptr || volume.usd_per_gib_month <= 0) continue;
    // Tables of regions seldom have the price of IOPS and throughput; where they do, they go with the size's.
    const double dearer = *usd / volume.usd_per_gib_month;
    volume.usd_per_gib_month = *usd;
    volume.usd_per_iops_month *= dearer;
    volume.usd_per_mib_per_s_month *= dearer;
  }
  prices.cross_zone_usd_per_gb = told.cross_zone_usd_per_gb.value_or(prices.cross_zone_usd_per_gb);
  prices.cross_region_usd_per_gb = told.cross_region_usd_per_gb.value_or(prices.cross_region_usd_per_gb);
}

// Without one there is nothing to propose, and no price of a core for mirrors.
void check_brokers(const Prices& prices, const Node& root, Problems& problems) {
  const auto is_broker = [](const InstancePrice& instance) { return instance.broker; };
  if (prices.instances.empty() || std::any_of(prices.instances.begin(), prices.instances.end(), is_broker)) return;
  problems.add(root.find("instances")->at, "instances: one at least must have broker: true, to be recommended");
}

template <class Entry>
const Entry* find_by_name(const std::vector<Entry>& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

bool Prices::knows(std::string_view region_name) const {
  return region_name == region || std::any_of(regions.begin(), regions.end(),
                                              [&](const NamedRegion& known) { return known.first == region_name; });
}

Prices Prices::in(const Region& where) const {
  Prices out = *this;
  for (const auto& [name, told] : regions)
    if (name == where.name) apply(told, out);
  apply(where.prices, out);
  return out;
}

const InstancePrice* Prices::find_instance(std::string_view name) const { return find_by_name(instances, name); }
const VolumePrice* Prices::find_volume(std::string_view name) const { return find_by_name(volumes, name); }

std::optional<Prices> parse_prices(std::string_view yaml_text, Problems& problems) {
  const std::optional<Node> root = yaml::parse(yaml_text, {}, problems);
  if (!root) return std::nullopt;
  Prices prices;
  MapReader file(*root, "", problems);
  if (file.require("source", "where the figures are from") != nullptr) file.text("source", prices.source);
  if (file.require("region", "the region of which the figures are") != nullptr) file.text("region", prices.region);
  if (file.require("hours_per_month", "a number") != nullptr)
    file.number("hours_per_month", 1, 744, prices.hours_per_month);
  if (file.require("usd_per_broker_month", "a number") != nullptr)
    file.number("usd_per_broker_month", 0, kMost, prices.usd_per_broker_month);
  read_entries(file, "instances", problems, prices.instances, read_instance);
  read_entries(file, "volumes", problems, prices.volumes, read_volume);
  read_entries(file, "regions", problems, prices.regions, read_region);
  read_costs(file, prices, problems);
  read_limits(file, prices, problems);
  file.finish();
  check_brokers(prices, *root, problems);
  if (!problems.empty()) return std::nullopt;
  return prices;
}

const Prices& default_prices() {
  static const Prices prices = [] {
    Problems problems("prices.yaml");
    std::optional<Prices> parsed = parse_prices(kDefaultPrices, problems);
    FRESHET_ASSERT(parsed.has_value());
    return *std::move(parsed);
  }();
  return prices;
}

}  // namespace freshet::fleet
