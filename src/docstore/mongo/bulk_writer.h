// Writes changes of one collection: one unordered bulk, with one operation for each entity, guarded
// by the version. One thread uses a writer.
//
// A change that operators alone can say is sent blind. One with set operations is resolved first
// against the document as it is (one read for all of them), and guarded by exactly that version. A
// reply is taken apart: what was refused by itself is poison, stale or to be tried again by itself.
// If the whole command was refused for what one operation of it is, halves of it are tried until
// that one is alone.
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
  // Sets the results as WriteDone says. REQUIRES: all are of this tenant and kind, each entity
  // once; check_change() passed.
  void write(const std::string& tenant, v1::EntityKind kind, const std::vector<ToWrite>& writes);

  // Whether the collections of a tenant can be written: an update of a document that is not there.
  [[nodiscard]] Status try_out(const std::string& tenant);

 private:
  struct Operation {
    UpdateOne one;
    Status* result = nullptr;
    bool resolved = false;  // it is guarded by exactly one version
    bool taken = false;     // it was refused once because there is a document
    bool stale = false;     // and then once more
  };

  // Encodes one operation; what can't be stored gets its result at once.
  void add(const v1::Change& change, std::optional<uint64_t> only_on, Status* result);
  void add_resolved(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
                    const std::vector<ToWrite>& writes);
  // Both run operations and set their results; the second one those that found their _id taken.
  void run_all(mongoc_collection_t* collection);
  void run_taken_again(mongoc_collection_t* collection);
  void run(mongoc_collection_t* collection, size_t begin, size_t end);
  // Of what seems stale, refuses what has a document of somebody else in its place.
  void refuse_displaced(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind);
  // Gives each operation of [begin, end) its result, from the reply or, if there is none, from the
  // error.
  void judge(mongoc_collection_t* collection, size_t begin, size_t end, const BulkReply& reply,
             const bson_error_t& error);
  [[nodiscard]] Status verdict(Operation& operation, const WriteError& error) const;

  Client& client_;
  const Shape shape_;
  env::Clock& clock_;
  // The first count_ of them count; the others keep their memory for reuse.
  std::vector<Operation> operations_;
  size_t count_ = 0;
};

}  // namespace freshet::docstore
