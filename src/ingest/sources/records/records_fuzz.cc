#include "ingest/items/fuzz_support.h"
#include "ingest/sources/records/records.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::ingest;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  fuzz([&](const AdapterContext& context, google::protobuf::Arena& arena) -> ParseResult {
    return parse_records(body, context, arena);
  });
  return 0;
}
