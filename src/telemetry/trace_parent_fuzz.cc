// Any header: no crash; what is taken is said again in the same bytes, but for flags that are not ours.
#include <cstdlib>
#include <string_view>

#include "telemetry/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  const std::string_view header(reinterpret_cast<const char*>(data), size);
  const auto context = telemetry::parse_trace_parent(header);
  if (!context) return 0;
  const std::string again = telemetry::format_trace_parent(*context);
  constexpr size_t kFlagBytes = 2;
  if (again.size() != header.size() || !header.starts_with(again.substr(0, again.size() - kFlagBytes))) std::abort();
  if (telemetry::parse_trace_parent(again) != context) std::abort();
  return 0;
}
