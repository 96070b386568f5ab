// CSV imports over HTTP: resumable and exact. docs/sources/csv.md has the protocol for users.
//
//   POST  /v1/imports        starts or finds the import of (tenant, content hash, mapping): a repeated POST resumes
//   PATCH /v1/imports/{id}   Upload-Offset: N and the next bytes of the content, decompressed. The answer's `offset`
//                            is the end of the last whole row that was taken: go on from there.
//                            `Upload-Complete: ?1` says that nothing follows.
//   GET   /v1/imports/{id}   progress, with the last rows that were rejected;  GET /v1/imports lists them
//
// Why nothing is lost or doubled: the answer and the stored progress come after the rows are
// durable in the log. If progress is older than the log (after a crash between the two), the rows
// are sent again with the same message ids, and action drops them by Envelope.ledger. Rejected rows
// become dead letters in the same append, with ids that a repetition repeats.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "http/message.h"
#include "ingest/sources/csv/csv.h"
#include "ingest/sources/csv/import_store.h"

namespace freshet::ingest {

inline constexpr size_t kImportBodyBytesMax = 8u << 20;  // of one PATCH, decompressed
inline constexpr size_t kImportRowsMax = 20'000;         // taken of one PATCH; the answer's offset says how far it came
inline constexpr int kImportRejectedShownMax = 100;

// What one PATCH puts into the log.
struct ImportBatch {
  std::vector<v1::Envelope*> envelopes;  // these are valid until `done` is called
  std::vector<v1::DeadLetter> dead_letters;
  std::vector<v1::SchemaChange> schema_changes;
};
// Appends all of a batch to the log, durable before done(ok). It is also where rates are applied.
// It calls `done` once.
using PublishImport = std::function<void(const model::Tenant& tenant, ImportBatch batch, eventlog::AppendDone done)>;

// Thread-safe. It must outlive every publication that is under way, and so must its store.
class Imports {
 public:
  Imports(ImportStore& store, schema::Registry& schema, env::Clock& clock, PublishImport publish);

  // Answers a request of this authenticated tenant to /v1/imports or below.
  void handle(const model::Tenant& tenant, http::Request request, http::Respond respond);

 private:
  struct Work;
  void start(const model::Tenant& tenant, const http::Request& request, const http::Respond& respond);
  void list(const model::Tenant& tenant, const http::Respond& respond);
  void show(const model::Tenant& tenant, const std::string& id, const http::Respond& respond);
  void take(const model::Tenant& tenant, const std::string& id, http::Request request, http::Respond respond);
  // Both return the answer if the work ends here, or nullopt if all is well so far and it goes on.
  [[nodiscard]] std::optional<http::Response> prepare(const model::Tenant& tenant, Work& work);
  [[nodiscard]] std::optional<http::Response> read_rows(const model::Tenant& tenant, Work& work);
  void finish(Work& work, const Status& published);
  void answer(Work& work, http::Response response);

  ImportStore& store_;
  schema::Registry& schema_;
  env::Clock& clock_;
  PublishImport publish_;
  std::mutex mutex_;
  std::set<std::string> busy_;  // tenant '\0' id of the imports that have a PATCH under way
};

}  // namespace freshet::ingest
