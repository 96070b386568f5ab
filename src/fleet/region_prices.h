// What differs in the prices of a cloud's regions. Those that are known are in plan/prices.yaml; fleet.yaml may say its
// own.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace freshet::fleet {

struct RegionPrices {
  using ByName = std::vector<std::pair<std::string, double>>;  // names all different
  ByName machines;  // by family, as "c6g": US dollars an hour of its xlarge; other sizes are paid by their cores
  ByName volumes;   // by type: US dollars a GiB and month; IOPS and throughput are dearer by as much
  std::optional<double> cross_zone_usd_per_gb, cross_region_usd_per_gb;

  [[nodiscard]] bool empty() const {
    return machines.empty() && volumes.empty() && !cross_zone_usd_per_gb && !cross_region_usd_per_gb;
  }
};

}  // namespace freshet::fleet
