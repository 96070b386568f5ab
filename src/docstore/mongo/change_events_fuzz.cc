// Any bytes as an event of a change stream and as an entry of the oplog: no crash, and an id that is told comes back
// from its text.
#include "base/assert.h"
#include "docstore/mongo/change_events.h"
#include "docstore/mongo/extended_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::docstore;  // NOLINT
  bson_t bson;
  if (!bson_init_static(&bson, data, size)) return 0;
  const auto event = stream_event(bson);
  if (event && event->change.problem.empty() && !is_of_collection(event->change.kind))
    FRESHET_ASSERT(!event->change.id.empty());
  (void)oplog_events(bson, "shop");
  return 0;
}
