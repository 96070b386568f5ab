// The first byte chooses the call, the rest is the body.
#include "ingest/items/fuzz_support.h"
#include "ingest/sources/segment/pixel.h"
#include "ingest/sources/segment/segment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::ingest;
  if (size == 0) return 0;
  constexpr std::string_view kCalls[] = {"batch", "track", "identify", "page", "group", "alias", "", "screen"};
  const std::string_view call = kCalls[data[0] % std::size(kCalls)];
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  fuzz([&](const AdapterContext& context, google::protobuf::Arena& arena) {
    return parse_segment(body, {.call = call}, context, arena);
  });
  (void)segment_write_key(body);
  (void)pixel_message(body);
  return 0;
}
