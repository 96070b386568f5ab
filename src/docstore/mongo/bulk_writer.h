// Writes changes of one collection: one unordered bulk, one operation per entity, each guarded by the version. One
// thread.
//
// A change that operators alone can say goes blind. One with set operations is resolved first against the document as
// it is (one read for all of them) and guarded by exactly that version. A reply is taken apart: what was refused by
// itself is poison, stale or to be tried again by itself; if the whole command was refused for what one operation of
// it is, halves of it are tried until that one is alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "docstore/mongo/client.h"
#include "docstore/mongo/document_bson.h"
#include "env/clock.h"

namespace freshet::docstore {

// A change, and where its result goes.
struct ToWrite {
  const v1::Change* change = nullptr;
  Status* result = nullptr;
};

class BulkWriter {
 public:
  BulkWriter(Client& client, Shape shape, env::Clock& clock) : client_(client), shape_(shape), clock_(clock) {}
  // Results as WriteDone says. REQUIRES: all are of this tenant and kind, each entity once; check_change() passed.
  void write(const std::string& tenant, v1::EntityKind kind, const std::vector<ToWrite>& writes);

 private:
  struct Operation {
    UpdateOne one;
    Status* result = nullptr;
    bool resolved = false;  // guarded by exactly one version
    bool taken = false;     // refused once: there is a document
  };

  void add(const v1::Change& change, std::optional<uint64_t> only_on, Status* result);
  void add_resolved(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
                    const std::vector<ToWrite>& writes);
  void run_all(mongoc_collection_t* collection);
  void run_taken_again(mongoc_collection_t* collection);
  void run(mongoc_collection_t* collection, size_t begin, size_t end);
  void judge(mongoc_collection_t* collection, size_t begin, size_t end, const BulkReply& reply,
             const bson_error_t& error);
  [[nodiscard]] Status verdict(Operation& operation, const WriteError& error) const;

  Client& client_;
  const Shape shape_;
  env::Clock& clock_;
  std::vector<Operation> operations_;  // the first `count_`; the others keep their memory for reuse
  size_t count_ = 0;
};

}  // namespace freshet::docstore
