#include "docstore/mongo/inspection.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "docstore/mongo/bson.h"
#include "docstore/mongo/client.h"
#include "docstore/mongo/collections.h"
#include "docstore/mongo/names.h"
#include "model/kind.h"

namespace freshet::docstore {
namespace {

// A command of the database admin; its reply as `read` takes it.
template <class Read>
Status ask_admin(Client& client, mongoc_client_t* connection, const char* name, const Read& read) {
  Bson question;
  append_int(question.get(), name, 1);
  bson_t reply;
  bson_error_t error;
  const bool done = mongoc_client_command_simple(connection, "admin", question.get(), nullptr, &reply, &error);
  if (done) read(reply);
  bson_destroy(&reply);
  return done ? Status{} : tl::unexpected(client.error_of(error, std::string("it refuses the command ") + name));
}

std::string text_in(const bson_t& document, const char* key) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &document, key) || !BSON_ITER_HOLDS_UTF8(&at)) return "";
  return bson_iter_utf8(&at, nullptr);
}

// The fields that have an index of their own. Empty: there is no such collection, or it is not ours to see.
std::set<std::string> indexed_fields(mongoc_collection_t* collection) {
  std::set<std::string> fields;
  const std::unique_ptr<mongoc_cursor_t, decltype(&mongoc_cursor_destroy)> cursor(
      mongoc_collection_find_indexes_with_opts(collection, nullptr), mongoc_cursor_destroy);
  const bson_t* index = nullptr;
  while (mongoc_cursor_next(cursor.get(), &index)) {
    bson_iter_t at, key;
    if (bson_iter_init_find(&at, index, "key") && BSON_ITER_HOLDS_DOCUMENT(&at) && bson_iter_recurse(&at, &key) &&
        bson_iter_next(&key))
      fields.insert(bson_iter_key(&key));
  }
  return fields;
}

void look_for_indexes(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
                      const std::vector<std::string>& types, std::vector<std::string>& missing) {
  const Collection collection = collection_of(connection, tenant, kind);
  const std::set<std::string> there = indexed_fields(collection.get());
  // Those of a new tenant are made with its first profile, or at the next start.
  if (there.empty()) return;
  const std::string where = fmt::format("{}.{}: ", database_of(tenant), model::collection_name(kind));
  std::vector<std::string> wanted = {"removed_at"};
  for (const std::string& type : types) wanted.push_back("identifiers." + escape_name(type));
  for (const std::string& field : wanted)
    if (!there.contains(field)) missing.push_back(where + field);
}

}  // namespace

Result<MongoReport> inspect_mongo(const MongoOptions& options) {
  FRESHET_ASSIGN(const auto client, Client::open(options.uri, 1));
  const Client::Lease connection = client->lease();
  MongoReport report;
  FRESHET_TRY(ask_admin(*client, connection.get(), "buildInfo",
                        [&](const bson_t& reply) { report.version = text_in(reply, "version"); }));
  // The old name of `hello`, which servers of MongoDB's protocol have all.
  FRESHET_TRY(ask_admin(*client, connection.get(), "isMaster", [&](const bson_t& reply) {
    report.replica_set = text_in(reply, "setName");
    bson_iter_t at;
    if (bson_iter_init_find(&at, &reply, "localTime") && BSON_ITER_HOLDS_DATE_TIME(&at))
      report.clock_ms = bson_iter_date_time(&at);
  }));
  for (const MongoTenant& tenant : options.tenants) {
    look_for_indexes(connection.get(), tenant.name, v1::ENTITY_KIND_USER, tenant.user_types, report.missing_indexes);
    look_for_indexes(connection.get(), tenant.name, v1::ENTITY_KIND_DEVICE, tenant.device_types,
                     report.missing_indexes);
  }
  return report;
}

}  // namespace freshet::docstore
