// The collections of a tenant: their names, their indexes, and reading them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "docstore/mongo/bson.h"
#include "docstore/mongo/client.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::docstore {

// freshet_<tenant>: every tenant has a database of its own.
[[nodiscard]] std::string database_of(const std::string& tenant);
// The collection freshet_<tenant>.users or .devices, over this connection.
[[nodiscard]] Collection collection_of(mongoc_client_t* client, const std::string& tenant, v1::EntityKind kind);

// Makes one index on `identifiers.<type>` for each type (sparse: only documents that have one are
// in it), and one that lets the server delete tombstones `tombstones_kept_s` after their
// removed_at. An index that is there already is left, or changed.
[[nodiscard]] Status create_indexes(Client& client, const std::string& tenant, v1::EntityKind kind,
                                    const std::vector<std::string>& identifier_types, int64_t tombstones_kept_s);

// A find command.
struct Query {
  Bson filter;
  size_t batch = 100;
  bool sorted = true;    // by _id
  bool primary = false;  // read from the primary, whatever the connection string prefers
};

// What a query finds, one document after the other. The client and the connection must outlive it.
class Found {
 public:
  Found(Client& client, mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
        const Query& query);
  // The document is valid until the next call. null: there is no more, or it failed.
  [[nodiscard]] const bson_t* next();
  // Why next() returned null: ok if there is no more.
  [[nodiscard]] Status status();

 private:
  struct Destroy {
    void operator()(mongoc_cursor_t* cursor) const { mongoc_cursor_destroy(cursor); }
  };
  Client& client_;
  Collection collection_;
  std::unique_ptr<mongoc_cursor_t, Destroy> cursor_;
};

}  // namespace freshet::docstore
