// What a MongoDB says of itself and of our collections, for people who look for what is wrong. Nothing is made or
// changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "docstore/mongo/mongo_store.h"

namespace freshet::docstore {

struct MongoReport {
  std::string version;      // "": it does not say
  std::string replica_set;  // its name; "": it is a server by itself, or a router
  int64_t clock_ms = 0;     // of the server, since 1970; 0: it does not say
  // Indexes that are not there, of collections that are: "freshet_acme.users: identifiers.email".
  std::vector<std::string> missing_indexes;
};

// As open_mongo_store() fails, within seconds.
[[nodiscard]] Result<MongoReport> inspect_mongo(const MongoOptions& options);

}  // namespace freshet::docstore
