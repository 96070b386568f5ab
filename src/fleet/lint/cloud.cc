// What EC2 does not have, and so refuses when it is applied. Clusters in Kubernetes get their machines from whoever
// runs it.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"

namespace freshet::fleet::checks {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// "eu-west-1", "us-gov-east-1": names of other clouds' regions look otherwise, and say nothing of their zones.
bool is_aws_region(std::string_view name) {
  const size_t last = name.rfind('-');
  return last != name.npos && last + 2 == name.size() && is_digit(name.back()) && std::ranges::count(name, '-') >= 2 &&
         std::ranges::all_of(name.substr(0, last), [](char c) { return is_lower(c) || c == '-'; });
}

// "xlarge", "12xlarge", "metal-24xl".
bool is_machine_size(std::string_view size) {
  constexpr std::array<std::string_view, 7> kNames = {"nano", "micro", "small", "medium", "large", "xlarge", "metal"};
  if (size.starts_with("metal-") && size.ends_with("xl")) size = size.substr(0, size.find('-'));
  const size_t digits = std::min(size.find_first_not_of("0123456789"), size.size());
  if (digits > 0) return size.front() != '0' && size.substr(digits) == "xlarge";
  return std::ranges::find(kNames, size) != kNames.end();
}

// "c6g", "m7gd", "u-6tb1": a letter first, a number of the generation.
bool is_machine_family(std::string_view family) {
  return !family.empty() && is_lower(family.front()) &&
         std::ranges::any_of(family, [](char c) { return is_digit(c); }) &&
         std::ranges::all_of(family, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

// Their hypervisor is Xen: volumes have no serial numbers there, by which machines find their log directories, and some
// of these types have no optimized link to volumes, which is asked for.
constexpr std::array<std::string_view, 22> kOnXen = {"c1", "c3",  "c4", "d2", "f1", "g2", "g3", "g3s",
                                                     "h1", "hs1", "i2", "i3", "m1", "m2", "m3", "m4",
                                                     "p2", "p3",  "r3", "r4", "t1", "t2"};

// Why a machine can't be of this type, or "".
std::string machine_fault(const std::string& type) {
  const size_t dot = type.find('.');
  const std::string family = type.substr(0, dot);
  if (dot == type.npos || !is_machine_family(family) || !is_machine_size(type.substr(dot + 1)))
    return type + " is no type of machine of EC2, which are called as c6g.xlarge is";
  const bool on_xen = std::ranges::find(kOnXen, family) != kOnXen.end() && !type.ends_with(".metal");
  return on_xen ? type + " is of a generation on which volumes can't be told apart: log directories stay empty" : "";
}

}  // namespace

Findings machine_type(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.platform != Platform::kEc2) continue;
    const auto look = [&](std::string_view key, const std::string& type, const std::string& usual) {
      std::string fault = machine_fault(type);
      if (!fault.empty()) found.push_back(finding_mended(facts, Kind::kCluster, i, key, std::move(fault), usual, ""));
    };
    look("instance", cluster.instance, Cluster().instance);
    if (cluster.controllers > 0)
      look("controller_instance", cluster.controller_instance, Cluster().controller_instance);
  }
  return found;
}

Findings zone_of_region(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index r = 0; r < fleet.regions.size(); ++r) {
    const Region& region = fleet.regions[r];
    const bool on_ec2 = std::ranges::any_of(fleet.clusters, [&](const Cluster& cluster) {
      return cluster.region == r && cluster.platform == Platform::kEc2;
    });
    if (!on_ec2 || !is_aws_region(region.name)) continue;
    std::vector<std::string> names;
    for (const std::string& zone : region.zones) {
      // A zone adds a letter to the region's name; a local zone adds a place first: us-west-2-lax-1a.
      const bool fits = zone.starts_with(region.name) && zone.size() > region.name.size() && is_lower(zone.back());
      if (!fits) names.push_back(zone);
    }
    if (names.empty()) continue;
    found.push_back(at_place(
        region.where.of("zones"), "region " + region.name,
        fmt::format("{} of {} not called as its zones are", list_of(names), plural(region.zones.size(), "zone")),
        fmt::format("zones: [{0}a, {0}b, {0}c]: names, not ids", region.name)));
  }
  return found;
}

}  // namespace freshet::fleet::checks
