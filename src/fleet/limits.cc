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
