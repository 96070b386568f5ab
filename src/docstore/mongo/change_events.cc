// The shapes are those of https://www.mongodb.com/docs/manual/reference/change-events/ and, of the oplog, those that
// servers write: {ts, op, ns, o, o2}, op: i(nsert), u(pdate), d(elete), c(ommand), n(othing).
#include "docstore/mongo/change_events.h"

#include "docstore/mongo/extended_json.h"

namespace freshet::docstore {
namespace {

constexpr uint32_t kNestedMost = 4;  // of applyOps in one another

std::string_view text_of(const bson_iter_t& at) {
  if (!BSON_ITER_HOLDS_UTF8(&at)) return {};
  uint32_t size = 0;
  const char* text = bson_iter_utf8(&at, &size);
  return {text, size};
}

// "" if there is none.
std::string_view text_at(const bson_t& document, const char* dotted) {
  bson_iter_t root, at;
  if (!bson_iter_init(&root, &document) || !bson_iter_find_descendant(&root, dotted, &at)) return {};
  return text_of(at);
}

// In events and entries documents are nested in others; none of them is copied.
// False: there is none. It lies in `from`.
bool document_at(const bson_t& from, const char* key, bson_t& out) {
  bson_iter_t at;
  return bson_iter_init_find(&at, &from, key) && view_document(at, out);
}

std::optional<std::string> text_of_document(const bson_t& from, const char* key, std::string& problem) {
  bson_t found;
  if (!document_at(from, key, found)) return std::nullopt;
  auto text = json_of(found);
  if (!text) problem = kNoJson;
  return text;
}

// "" with a problem if the id can't be told.
std::string id_in(const bson_t& from, const char* key, std::string& problem) {
  bson_t found;
  bson_iter_t at;
  if (document_at(from, key, found) && bson_iter_init_find(&at, &found, "_id"))
    if (auto text = json_of(at)) return *std::move(text);
  problem = "its _id can't be told";
  return {};
}

// The server's clock in seconds; the count beside them only tells two of one second apart.
int64_t seconds_ms(const bson_t& from, const char* key) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &from, key) || !BSON_ITER_HOLDS_TIMESTAMP(&at)) return 0;
  uint32_t seconds = 0, count = 0;
  bson_iter_timestamp(&at, &seconds, &count);
  return int64_t{seconds} * 1000;
}

int64_t time_ms(const bson_t& from, const char* precise, const char* stamp) {
  bson_iter_t at;
  if (bson_iter_init_find(&at, &from, precise) && BSON_ITER_HOLDS_DATE_TIME(&at)) return bson_iter_date_time(&at);
  return seconds_ms(from, stamp);
}

// "database.collection", of which only the collection may have dots.
struct Namespace {
  std::string_view database, collection;
};
Namespace split_namespace(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {name, {}};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// Kinds that tell of no document and of no collection that was lost are passed over, such as those of indexes.
std::optional<ChangeKind> stream_kind(std::string_view type) {
  if (type == "insert") return ChangeKind::kInsert;
  if (type == "update") return ChangeKind::kUpdate;
  if (type == "replace") return ChangeKind::kReplace;
  if (type == "delete") return ChangeKind::kDelete;
  if (type == "drop") return ChangeKind::kDropped;
  if (type == "rename") return ChangeKind::kRenamed;
  if (type == "dropDatabase") return ChangeKind::kAllDropped;
  return std::nullopt;
}

// A command of the oplog that concerns whole collections.
std::optional<DocumentChange> command_change(const bson_t& command, const std::string& database) {
  DocumentChange change;
  if (const auto dropped = text_at(command, "drop"); !dropped.empty()) {
    change.kind = ChangeKind::kDropped;
    change.collection = dropped;
    return change;
  }
  if (const Namespace from = split_namespace(text_at(command, "renameCollection")); !from.collection.empty()) {
    const Namespace to = split_namespace(text_at(command, "to"));
    if (from.database != database && to.database != database) return std::nullopt;
    change.kind = ChangeKind::kRenamed;
    change.collection = from.database == database ? from.collection : "";
    change.to = to.database == database ? to.collection : "";
    return change;
  }
  if (!bson_has_field(&command, "dropDatabase")) return std::nullopt;
  change.kind = ChangeKind::kAllDropped;
  return change;
}

Status add_events(const bson_t& entry, const std::string& database, uint32_t depth, std::vector<ChangeEvent>& out);

// All of a transaction is in one entry, or, of large and prepared ones, in several: those are not put together here.
Status add_transaction(const bson_t& command, const std::string& database, uint32_t depth,
                       std::vector<ChangeEvent>& out) {
  if (depth == kNestedMost || bson_has_field(&command, "partialTxn") || bson_has_field(&command, "prepare") ||
      bson_has_field(&command, "count"))
    return fail(Code::kFatal,
                "MongoDB: the oplog has a transaction in parts, which only change streams put together: read: stream");
  bson_iter_t operations, at;
  if (!bson_iter_init_find(&operations, &command, "applyOps") || !BSON_ITER_HOLDS_ARRAY(&operations) ||
      !bson_iter_recurse(&operations, &at))
    return {};
  while (bson_iter_next(&at)) {
    bson_t one;
    if (view_document(at, one)) FRESHET_TRY(add_events(one, database, depth + 1, out));
  }
  return {};
}

// An update has what was set, in a language that differs from version to version: so the document is looked up instead.
Status add_events(const bson_t& entry, const std::string& database, uint32_t depth, std::vector<ChangeEvent>& out) {
  const std::string_view op = text_at(entry, "op");
  const Namespace name = split_namespace(text_at(entry, "ns"));
  // Moved between shards: nothing has changed.
  if (bson_iter_t at; bson_iter_init_find(&at, &entry, "fromMigrate") && bson_iter_as_bool(&at)) return {};
  if (op == "c") {
    bson_t command;
    if (!document_at(entry, "o", command)) return {};
    if (bson_has_field(&command, "applyOps")) return add_transaction(command, database, depth, out);
    const bool renames = bson_has_field(&command, "renameCollection");
    if (name.database != database && !renames) return {};
    if (auto change = command_change(command, database)) out.push_back({*std::move(change), false});
    return {};
  }
  if (name.database != database || (op != "i" && op != "u" && op != "d")) return {};
  ChangeEvent& event = out.emplace_back();
  DocumentChange& change = event.change;
  change.collection = name.collection;
  change.kind = op == "i" ? ChangeKind::kInsert : op == "u" ? ChangeKind::kUpdate : ChangeKind::kDelete;
  change.id = id_in(entry, op == "u" ? "o2" : "o", change.problem);
  if (op == "i") change.after = text_of_document(entry, "o", change.problem);
  event.look_up = op == "u";
  return {};
}

}  // namespace

std::optional<ChangeEvent> stream_event(const bson_t& event) {
  const auto kind = stream_kind(text_at(event, "operationType"));
  if (!kind) return std::nullopt;
  ChangeEvent out;
  DocumentChange& change = out.change;
  change.kind = *kind;
  change.collection = text_at(event, "ns.coll");
  change.at_ms = time_ms(event, "wallTime", "clusterTime");
  if (*kind == ChangeKind::kRenamed && text_at(event, "to.db") == text_at(event, "ns.db"))
    change.to = text_at(event, "to.coll");
  if (is_of_collection(*kind)) return out;
  change.id = id_in(event, "documentKey", change.problem);
  change.before = text_of_document(event, "fullDocumentBeforeChange", change.problem);
  if (*kind != ChangeKind::kDelete) change.after = text_of_document(event, "fullDocument", change.problem);
  out.look_up = *kind == ChangeKind::kUpdate && !change.after && change.problem.empty();
  return out;
}

std::optional<std::string> collection_of_cursor(const bson_t& cursor) {
  const Namespace name = split_namespace(text_at(cursor, "ns"));
  return name.collection.empty() ? std::nullopt : std::optional<std::string>(name.collection);
}

bool is_invalidate(const bson_t& event) { return text_at(event, "operationType") == "invalidate"; }

Result<std::vector<ChangeEvent>> oplog_events(const bson_t& entry, const std::string& database) {
  std::vector<ChangeEvent> out;
  FRESHET_TRY(add_events(entry, database, 0, out));
  const int64_t at_ms = time_ms(entry, "wall", "ts");
  for (ChangeEvent& event : out) event.change.at_ms = at_ms;
  return out;
}

}  // namespace freshet::docstore
