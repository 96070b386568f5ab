// Profiles in MongoDB: database freshet_<tenant>, collections users and devices
// (docs/format/mongodb.md; what was decided and why: docs/decisions/0009-mongodb.md).
//
// Every write is guarded by the version and is done once a majority has it in its journal (unless
// the connection string says otherwise), so sync() has nothing to do. A tombstone stays until
// nothing older can be replayed. Times are kept to the millisecond; the elements of a set are in
// order, as everywhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "docstore/doc_store.h"
#include "env/clock.h"

namespace freshet::docstore {

// A tenant as this store needs it.
struct MongoTenant {
  std::string name;
  std::vector<std::string> user_types;  // identifier types; each gets an index
  std::vector<std::string> device_types;
};

struct MongoOptions {
  std::string uri;  // never shown, for it has a password
  std::vector<MongoTenant> tenants;
  env::Clock* clock = nullptr;  // outlives the store
  size_t connections_max = 8;   // for writing; as many more are for reading
  size_t waiting_max = 16'384;  // changes that wait for a connection; from there on write() blocks
  // Documents have only identifiers, attributes and version: what the split store keeps here.
  bool identified_only = false;
  // How long tombstones stay, at least the retention of `changes`, by the server's clock from when
  // the tombstone was written. An older change that is replayed after its tombstone has gone would
  // bring a removed person back.
  int64_t tombstones_kept_s = 7 * 24 * 3600;
};

// Connects, checks the credentials and makes the indexes. A failure says what to mend, without the
// connection string.
[[nodiscard]] Result<std::unique_ptr<DocStore>> open_mongo_store(MongoOptions options);

}  // namespace freshet::docstore
