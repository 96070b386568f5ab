// CSV imports over HTTP: resumable and exact. docs/sources/csv.md has the protocol for users.
//
//   POST  /v1/imports        starts or finds the import of (tenant, content hash, mapping): a repeated POST resumes
//   PATCH /v1/imports/{id}   Upload-Offset: N and the next bytes of the content, decompressed. The answer's `offset`
//                            is the end of the last whole row that was taken: go on from there.
//                            `Upload-Complete: ?1` says that nothing follows.
//   GET   /v1/imports/{id}   progress, with the last rows that were rejected;  GET /v1/imports lists them, in pages
//   DELETE /v1/imports/{id}  forgets it, so that it no longer counts against the tenant's limit
//
// Why nothing is lost or doubled: the answer and the stored progress come after the rows are
// durable in the log. If progress is older than the log (after a crash between the two), the rows
// are sent again with the same message ids, and action drops them by Envelope.ledger. Rejected rows
// become dead letters in the same append, with ids that a repetition repeats.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "http/message.h"
#include "ingest/lane.h"
#include "ingest/sources/csv/csv.h"
#include "ingest/sources/csv/import_store.h"

namespace freshet::ingest {

inline constexpr size_t kImportBodyBytesMax = 8u << 20;  // of one PATCH, decompressed
inline constexpr size_t kImportRowsMax = 20'000;         // taken of one PATCH; the answer's offset says how far it came
inline constexpr int kImportRejectedShownMax = 100;
// Of a tenant. A complete one is kept too, until it is deleted: a repeated POST finds it.
inline constexpr size_t kImportsOpenMax = 100;
inline constexpr size_t kImportsMax = 10'000;
inline constexpr size_t kImportsListedMax = 1000;  // in one answer

// What one PATCH puts into the log.
struct ImportBatch {
  std::vector<v1::Envelope*> envelopes;  // these are valid until `done` is called
  std::vector<v1::DeadLetter> dead_letters;
  std::vector<v1::SchemaChange> schema_changes;
  std::vector<PlanMiss> plan_misses;
};
// Appends all of a batch to the log, durable before done(ok). It is also where rates are applied.
// It calls `done` once.
using PublishImport = std::function<void(const model::Tenant& tenant, ImportBatch batch, eventlog::AppendDone done)>;

// Thread-safe. It must outlive every publication that is under way, and so must its store. So must its lane.
class Imports {
 public:
  // `lane`: where requests wait for a store that asks the log; null: they do not wait, and stay on their thread.
  Imports(ImportStore& store, schema::Registry& schema, env::Clock& clock, PublishImport publish, Lane* lane = nullptr);

  // Answers a request of this authenticated tenant to /v1/imports or below. `scope`: of its key.
  void handle(std::shared_ptr<const model::Tenant> tenant, http::Request request, http::Respond respond,
              model::KeyScope scope = model::KeyScope::kWrite);

 private:
  struct Work;
  void dispatch(const model::Tenant& tenant, http::Request request, http::Respond respond, model::KeyScope scope);
  [[nodiscard]] Status refresh();
  // An import that is held against other requests, by one that starts, continues or deletes it.
  class Hold;
  [[nodiscard]] http::Response start(const model::Tenant& tenant, http::Request request);
  [[nodiscard]] std::string stalest(const std::string& tenant);
  [[nodiscard]] http::Response create(const model::Tenant& tenant, v1::ImportProgress progress);
  [[nodiscard]] http::Response list(const model::Tenant& tenant, const http::Request& request);
  [[nodiscard]] http::Response show(const model::Tenant& tenant, const std::string& id);
  [[nodiscard]] http::Response remove(const model::Tenant& tenant, const std::string& id);
  void take(const model::Tenant& tenant, std::shared_ptr<Work> work);
  // These three return the answer if the work ends here, or nullopt if all is well so far and it goes on.
  [[nodiscard]] static std::optional<http::Response> prepare(Work& work);
  [[nodiscard]] static std::optional<http::Response> read_header(std::string_view& data, CsvCursor& cursor, Work& work);
  [[nodiscard]] std::optional<http::Response> read_rows(const model::Tenant& tenant, Work& work);
  // kRetry: the store does not say what the mapping is. kInvalid: it does not fit the content.
  [[nodiscard]] Result<CsvPlan> plan_of(const model::Tenant& tenant, const v1::ImportProgress& progress);
  static void take_in(CsvBatch rows, int64_t now_us, Work& work);
  void finish(std::shared_ptr<Work> work, const Status& published);
  // Calls change(counts), if it is given, under the lock, with what the tenant has.
  [[nodiscard]] Status count(const std::string& tenant, const std::function<Status(ImportCounts&)>& change = {});
  // One import less, of those that are open, of all, or of both.
  void forget_one(const std::string& tenant, bool open, bool all);
  void answer(Work& work, http::Response response);

  ImportStore& store_;
  schema::Registry& schema_;
  env::Clock& clock_;
  PublishImport publish_;
  Lane* const lane_;
  std::mutex mutex_;
  std::set<std::string> busy_;                  // tenant '\0' id of the imports that are held
  std::map<std::string, ImportCounts> counts_;  // of the tenants that were asked for
};

}  // namespace freshet::ingest
