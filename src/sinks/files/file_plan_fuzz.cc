// What a store of files hands back is anybody's. A plan that is read is written and read back as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sinks/files/layout.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::sinks;
  const auto plan = parse_plan({reinterpret_cast<const char*>(data), size});
  if (!plan) return 0;
  const auto again = parse_plan(text_of_plan(Batch{}, *plan));
  if (!again || again->next != plan->next || again->files.size() != plan->files.size()) __builtin_trap();
  return 0;
}
