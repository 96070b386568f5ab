#include "ingest/items/fuzz_support.h"
#include "ingest/sources/attribution/attribution.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const char* partner : {"appsflyer", "adjust", "branch"})
    freshet::ingest::fuzz([&](const freshet::ingest::AdapterContext& context, google::protobuf::Arena& arena) {
      return freshet::ingest::parse_attribution(body, partner, context, arena);
    });
  return 0;
}
