// A dead letter parsed again, by today's rules. Its time is corrected as it would have been when it
// came; the envelope says ledger = "replay:" + its id, so action applies it once however often it
// is replayed.
#pragma once

#include <google/protobuf/arena.h>

#include "base/result.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

// Takes items of requests (JSON_ITEM) of the sources that parse again, and ENVELOPE. An item
// that is wrong again is in `rejected`. kInvalid: a letter of another kind (of CSV rows, import the
// corrected file; of changes, see reaction).
[[nodiscard]] ParseResult reparse(const v1::DeadLetter& letter, const model::Tenant& tenant,
                                  schema::Registry::Session& schema, int64_t now_us, google::protobuf::Arena& arena);

}  // namespace freshet::ingest
