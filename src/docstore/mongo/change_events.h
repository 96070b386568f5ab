// What change streams and the oplog say, as changes: pure. Private to src/docstore/mongo.
#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/mongo/change_reader.h"

namespace freshet::docstore {

// A change, and whether its document has still to be looked up.
struct ChangeEvent {
  DocumentChange change;
  bool look_up = false;
};

// An event of a change stream of the whole database; of other databases and kinds: nullopt. An "invalidate" ends the
// stream, whose next one starts after it.
[[nodiscard]] std::optional<ChangeEvent> stream_event(const bson_t& event);
[[nodiscard]] bool is_invalidate(const bson_t& event);

// The collection that further batches of a cursor are asked of, as a reply names it ("database.collection"); nullopt:
// it names none. `cursor`: the document of this name in the reply.
[[nodiscard]] std::optional<std::string> collection_of_cursor(const bson_t& cursor);

// What an entry of local.oplog.rs says of the database, in its order: none or one, of a transaction any number. kFatal:
// it belongs to a transaction that only change streams can put together.
[[nodiscard]] Result<std::vector<ChangeEvent>> oplog_events(const bson_t& entry, const std::string& database);

}  // namespace freshet::docstore
