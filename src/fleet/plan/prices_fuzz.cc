#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "fleet/plan/plan.h"

// Any text: prices, or problems that can be shown. What the options take is parsed as well.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  yaml::Problems problems("fuzz");
  const auto prices = fleet::parse_prices(text, problems);
  FRESHET_ASSERT(prices.has_value() == problems.empty());
  FRESHET_ASSERT(prices.has_value() || !problems.text().empty());
  if (const auto change = fleet::parse_rate_change(text)) FRESHET_ASSERT(change->factor >= 0 && change->factor <= 1000);
  if (const auto loss = fleet::parse_loss(text)) FRESHET_ASSERT(loss->zone.empty() != (loss->broker == 0));
  if (const auto outage = fleet::parse_outage(text)) FRESHET_ASSERT(outage->minutes > 0 && outage->catch_up >= 0);
  return 0;
}
