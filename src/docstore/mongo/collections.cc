// Names, indexes and reads of a tenant's collections.

#include "docstore/mongo/collections.h"

#include <fmt/core.h>

#include "base/assert.h"
#include "docstore/mongo/names.h"
#include "model/kind.h"

namespace freshet::docstore {
namespace {

// A read that takes longer is ended by the server, so that a question without an index can't keep
// it busy.
constexpr int64_t kReadTimeMaxMs = 10'000;
// The server's codes for an index that is there with other options: found by its key, or by its name.
constexpr int kIndexOptionsConflict = 85;
constexpr int kIndexKeySpecsConflict = 86;

constexpr std::string_view kTombstones = "removed_at";

template <class Options>
void append_index(bson_t* indexes, size_t& count, std::string_view field, const Options& options) {
  nest_document(indexes, ArrayKey(count++).view(), [&](bson_t* index) {
    nest_document(index, "key", [&](bson_t* key) { append_int(key, field, 1); });
    append_text(index, "name", field);
    options(index);
  });
}

// Runs a command that changes the database. `code` becomes the server's, if it refused.
Status command(Client& client, const std::string& tenant, const Bson& command, const std::string& what,
               uint32_t* code) {
  const Client::Lease lease = client.lease();
  bson_error_t error;
  const std::string database = database_of(tenant);
  if (mongoc_client_command_simple(lease.get(), database.c_str(), command.get(), nullptr, nullptr, &error)) return {};
  *code = error.domain == MONGOC_ERROR_SERVER ? error.code : 0;
  return tl::unexpected(client.error_of(error, what + " in database " + database));
}

// The index of tombstones is there with another time, so the time is changed.
Status change_retention(Client& client, const std::string& tenant, v1::EntityKind kind, int64_t tombstones_kept_s) {
  Bson change;
  append_text(change.get(), "collMod", model::collection_name(kind));
  nest_document(change.get(), "index", [&](bson_t* index) {
    nest_document(index, "keyPattern", [](bson_t* key) { append_int(key, kTombstones, 1); });
    append_int(index, "expireAfterSeconds", tombstones_kept_s);
  });
  uint32_t code = 0;
  return command(client, tenant, change, "can't change the retention of tombstones", &code);
}

// Identifiers each by itself: an index of the same name that somebody else has made, with other options, must be named,
// and can't be taken for the one of tombstones.
Status create_identifier_index(Client& client, const std::string& tenant, v1::EntityKind kind,
                               const std::string& type) {
  const std::string field = "identifiers." + escape_name(type);
  Bson create;
  append_text(create.get(), "createIndexes", model::collection_name(kind));
  nest_array(create.get(), "indexes", [&](bson_t* indexes) {
    size_t count = 0;
    append_index(indexes, count, field, [](bson_t* index) { append_bool(index, "sparse", true); });
  });
  uint32_t code = 0;
  Status made = command(client, tenant, create,
                        fmt::format("can't create index {} of {}", field, model::collection_name(kind)), &code);
  if (made || (code != kIndexOptionsConflict && code != kIndexKeySpecsConflict)) return made;
  const std::string which = code == kIndexOptionsConflict ? fmt::format("{{\"{}\": 1}}", field) : "\"" + field + "\"";
  return fail(
      Code::kInvalid,
      fmt::format("{}: an index of that key or name is there with other options, and not ours. Take it away, and "
                  "the next start makes the right one: db.getSiblingDB(\"{}\").{}.dropIndex({})",
                  made.error().message, database_of(tenant), model::collection_name(kind), which));
}

}  // namespace

std::string database_of(const std::string& tenant) { return "freshet_" + tenant; }

Collection collection_of(mongoc_client_t* client, const std::string& tenant, v1::EntityKind kind) {
  Collection collection(
      mongoc_client_get_collection(client, database_of(tenant).c_str(), model::collection_name(kind)));
  FRESHET_ASSERT(collection != nullptr);
  return collection;
}

Status create_indexes(Client& client, const std::string& tenant, v1::EntityKind kind,
                      const std::vector<std::string>& identifier_types, int64_t tombstones_kept_s) {
  for (const std::string& type : identifier_types) FRESHET_TRY(create_identifier_index(client, tenant, kind, type));
  Bson create;
  append_text(create.get(), "createIndexes", model::collection_name(kind));
  nest_array(create.get(), "indexes", [&](bson_t* indexes) {
    size_t count = 0;
    append_index(indexes, count, kTombstones,
                 [&](bson_t* index) { append_int(index, "expireAfterSeconds", tombstones_kept_s); });
  });
  uint32_t code = 0;
  const Status status = command(client, tenant, create, "can't create indexes", &code);
  return code == kIndexOptionsConflict ? change_retention(client, tenant, kind, tombstones_kept_s) : status;
}

Found::Found(Client& client, mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
             const Query& query)
    : client_(client), collection_(collection_of(connection, tenant, kind)) {
  Bson options;
  if (query.sorted) nest_document(options.get(), "sort", [](bson_t* sort) { append_int(sort, "_id", 1); });
  append_int(options.get(), "batchSize", static_cast<int64_t>(query.batch));
  append_int(options.get(), "maxTimeMS", kReadTimeMaxMs);
  const std::unique_ptr<mongoc_read_prefs_t, decltype(&mongoc_read_prefs_destroy)> primary(
      mongoc_read_prefs_new(MONGOC_READ_PRIMARY), mongoc_read_prefs_destroy);
  cursor_.reset(mongoc_collection_find_with_opts(collection_.get(), query.filter.get(), options.get(),
                                                 query.primary ? primary.get() : nullptr));
}

const bson_t* Found::next() {
  const bson_t* found = nullptr;
  return mongoc_cursor_next(cursor_.get(), &found) ? found : nullptr;
}

Status Found::status() {
  bson_error_t error;
  if (!mongoc_cursor_error(cursor_.get(), &error)) return {};
  return tl::unexpected(client_.error_of(error, "can't read"));
}

}  // namespace freshet::docstore
