// Any text: the plain reader gives up, or agrees with the full parser in everything.
#include <cstdlib>

#include "testing/yaml_same.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (!freshet::yaml::plain_agrees({reinterpret_cast<const char*>(data), size})) std::abort();
  return 0;
}
