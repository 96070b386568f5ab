// The size in the name of an EC2 instance type ("c6g.2xlarge" is 2xlarge) says how many partitions it should have: the
// table of AWS's guide "Right-size your cluster", which is made for MSK but counts what any broker has to do for a
// partition (files, memory, failover). Below xlarge and for names that are not of this form the smallest figures hold,
// which only ever warns too early.
#include "fleet/limits.h"

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

}  // namespace freshet::fleet
