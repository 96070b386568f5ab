// The size in the name of an EC2 instance type ("c6g.2xlarge" is 2xlarge) says how many partitions it should have: the
// table of AWS's guide "Right-size your cluster", which is made for MSK but counts what any broker has to do for a
// partition (files, memory, failover). Below xlarge and for names that are not of this form the smallest figures hold,
// which only ever warns too early.
#include "fleet/limits.h"

#include <array>
#include <charconv>

namespace freshet::fleet {

PartitionLimits partition_limits(std::string_view instance) {
  constexpr PartitionLimits kMiddle = {2000, 3000};
  constexpr PartitionLimits kLarge = {4000, 6000};
  const size_t dot = instance.rfind('.');
  const std::string_view size = dot == std::string_view::npos ? instance : instance.substr(dot + 1);
  if (size.starts_with("metal")) return kLarge;
  uint32_t factor = 0;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), factor);
  if (error != std::errc() || std::string_view(end, size.data() + size.size()) != "xlarge") return {};
  if (factor >= 4) return kLarge;
  return factor >= 2 ? kMiddle : PartitionLimits{};
}

// "Amazon EBS volume types" in EC2's user guide (2025: gp3 has up to 64 TiB, 80,000 IOPS and 2000 MiB/s).
std::span<const VolumeLimits> volume_limits() {
  static constexpr std::array<VolumeLimits, 7> kLimits = {{
      {.type = "gp3",
       .gib_max = 65536,
       .iops_min = 3000,
       .iops_max = 80'000,
       .iops_per_gib = 500,
       .mib_per_s_min = 125,
       .mib_per_s_max = 2000,
       .iops_per_mib_per_s = 4},
      {.type = "gp2", .gib_max = 16384},
      {.type = "io1", .gib_min = 4, .gib_max = 16384, .iops_min = 100, .iops_max = 64'000, .iops_per_gib = 50},
      {.type = "io2", .gib_min = 4, .gib_max = 65536, .iops_min = 100, .iops_max = 256'000, .iops_per_gib = 1000},
      {.type = "st1", .gib_min = 125, .gib_max = 16384},
      {.type = "sc1", .gib_min = 125, .gib_max = 16384},
      {.type = "standard", .gib_max = 1024},
  }};
  return kLimits;
}

}  // namespace freshet::fleet
