// The MongoDB profile store: a bounded queue of parts, a thread and a connection for each bulk
// under way, and reads on connections of their own. What a bulk is on the wire, and what its answer
// means, is bulk_writer.h; how large and how many bulks are is bulk_tuner.h.

#include "docstore/mongo/mongo_store.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "docstore/mongo/bulk_tuner.h"
#include "docstore/mongo/bulk_writer.h"
#include "docstore/mongo/collections.h"
#include "docstore/mongo/names.h"
#include "docstore/rules.h"
#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::docstore {
namespace {

using v1::Change;

// One call of write(). It is done when the last of its parts is.
struct Job {
  std::vector<Change> bulk;
  std::vector<Status> results;
  WriteDone done;
  std::atomic<size_t> parts{0};
};

// The changes of a job that go to one collection in one bulk.
struct Part {
  std::shared_ptr<Job> job;
  std::string tenant;
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  std::vector<ToWrite> writes;
};

struct Metrics {
  telemetry::Histogram& bulk_us =
      telemetry::histogram("freshet_docstore_bulk_us", "How long MongoDB took for a bulk of writes.");
  telemetry::Gauge& bulk_size = telemetry::gauge("freshet_docstore_bulk_size", "Operations allowed in one bulk now.");
  telemetry::Gauge& concurrency =
      telemetry::gauge("freshet_docstore_bulks_at_once", "Bulks allowed under way at once now.");
  telemetry::Counter& operations =
      telemetry::counter("freshet_docstore_operations_total", "Writes sent to MongoDB, in all attempts.");
  telemetry::Counter& foreign =
      telemetry::counter("freshet_docstore_foreign_total", "Documents read in MongoDB that are not ours.");
};

// A server may take fewer operations in a command than we would send.
BulkTunerOptions tuner_options(const Client& client, const MongoOptions& options) {
  BulkTunerOptions tuner;
  tuner.bulk_max = std::min(tuner.bulk_max, client.limits().operations);
  tuner.concurrency_max = options.connections_max;
  return tuner;
}

Status index_tenant(Client& client, const MongoTenant& tenant, int64_t tombstones_kept_s) {
  FRESHET_TRY(create_indexes(client, tenant.name, v1::ENTITY_KIND_USER, tenant.user_types, tombstones_kept_s));
  return create_indexes(client, tenant.name, v1::ENTITY_KIND_DEVICE, tenant.device_types, tombstones_kept_s);
}

// One tenant whose database is refused, or has an index of somebody else's in the way, does not keep the others from
// being served. If it is so with all of them, the tenant is not to blame.
Status index_tenants(Client& client, const MongoOptions& options) {
  std::optional<Error> last;
  bool any = options.tenants.empty();
  for (const MongoTenant& tenant : options.tenants) {
    Status made = index_tenant(client, tenant, options.tombstones_kept_s);
    any = any || made.has_value();
    if (made) continue;
    last = std::move(made).error();
    if (last->code != Code::kInvalid && last->code != Code::kFatal) break;
    log::error("tenant {}: {}; the next start tries again, and `freshet doctor` says whether it is mended", tenant.name,
               last->message);
  }
  const bool ends = last && (!any || (last->code != Code::kInvalid && last->code != Code::kFatal));
  return ends ? Status(tl::unexpected(*std::move(last))) : Status();
}

class MongoStore final : public DocStore {
 public:
  MongoStore(std::unique_ptr<Client> client, const MongoOptions& options)
      : client_(std::move(client)), options_(options), tuner_(tuner_options(*client_, options)) {
    for (size_t i = 0; i < options.connections_max; ++i) {
      threads_.emplace_back([this, i] {
        env::name_thread("mongo-" + std::to_string(i));
        work();
      });
    }
  }
  ~MongoStore() override;

  void write(std::vector<Change> bulk, WriteDone done) override;
  Status sync() override { return {}; }
  Status add_tenant(const model::Tenant& tenant) override {
    const v1::TenantRules& rules = tenant.rules;
    return index_tenant(*client_,
                        {tenant.name,
                         {rules.user_priority().begin(), rules.user_priority().end()},
                         {rules.device_priority().begin(), rules.device_priority().end()}},
                        options_.tombstones_kept_s);
  }
  Result<std::optional<StoredDocument>> get(const EntityKey& key) override;
  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override;
  bool finds_by_prefix() const override { return true; }
  Result<std::vector<StoredDocument>> find_by_prefix(const std::string& tenant, v1::EntityKind kind,
                                                     const v1::Identifier& begin, size_t count) override;
  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override;

 private:
  using Accept = std::function<bool(const StoredDocument&)>;
  [[nodiscard]] Result<std::vector<StoredDocument>> read(const std::string& tenant, v1::EntityKind kind, Query query,
                                                         size_t count, const Accept& accept);
  [[nodiscard]] std::vector<Part> parts_of(const std::shared_ptr<Job>& job, size_t size_max) const;
  void work();
  void finish(Part part, const Status* outcome);
  [[nodiscard]] Status outcome_of(const Part& part) const;
  void note_outcome(const Status& outcome);
  void judge(BulkWriter& writer, const Part& part);
  [[nodiscard]] bool is_of_this_tenant(BulkWriter& writer, const Part& part);
  void note_well(const std::string& tenant);
  [[nodiscard]] std::string well_beside(const std::string& tenant);

  const std::unique_ptr<Client> client_;
  const MongoOptions options_;
  Metrics metrics_;
  std::mutex mutex_;
  std::condition_variable room_;  // what write() waits for
  std::condition_variable work_;  // what the threads wait for
  std::deque<Part> queue_;
  size_t waiting_ = 0;  // changes in the queue, at most waiting_max and one part more
  size_t running_ = 0;  // parts that are under way
  BulkTuner tuner_;
  bool failing_ = false;  // the last part failed as a whole; this is logged once, not for each
  // The last two tenants that something was written for: one of them is another than any that there is.
  std::string well_, well_before_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// What waits is answered as to be tried again; what is under way ends by itself, since the socket
// has a timeout.
MongoStore::~MongoStore() {
  std::deque<Part> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
    waiting_ = 0;
  }
  work_.notify_all();
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  const Status closing = fail(Code::kRetry, "MongoDB: the store is closing");
  for (Part& part : left) finish(std::move(part), &closing);
}

// ---- writing ------------------------------------------------------------------------------------------------------

void MongoStore::write(std::vector<Change> bulk, WriteDone done) {
  const auto job = std::make_shared<Job>();
  FRESHET_ASSERT(done != nullptr);
  job->results.resize(bulk.size());
  job->bulk = std::move(bulk);
  job->done = std::move(done);
  // Parts are cut by the size of now; a part that is in the queue when the size changes keeps its
  // own.
  std::unique_lock lock(mutex_);
  const size_t size_max = tuner_.bulk();
  lock.unlock();
  std::vector<Part> parts = parts_of(job, size_max);
  if (parts.empty()) return job->done(std::move(job->bulk), std::move(job->results));
  job->parts = parts.size();
  lock.lock();
  for (Part& part : parts) {
    // The bound is on all callers together. A part is never split for it, so the queue may be over
    // it by one part.
    room_.wait(lock, [this] { return stopping_ || waiting_ < options_.waiting_max; });
    waiting_ += part.writes.size();
    queue_.push_back(std::move(part));
    work_.notify_one();
  }
}

// Cuts a job into parts, each of one collection. A change that no store can take has its result
// already.
std::vector<Part> MongoStore::parts_of(const std::shared_ptr<Job>& job, size_t size_max) const {
  std::vector<Part> parts;
  std::map<std::pair<std::string_view, int>, size_t> open;  // the part of a collection that has room
  for (size_t i = 0; i < job->bulk.size(); ++i) {
    const Change& change = job->bulk[i];
    job->results[i] = check_change(change);
    if (!job->results[i]) continue;
    auto [at, made] = open.try_emplace({change.tenant(), change.kind()}, parts.size());
    if (!made && parts[at->second].writes.size() >= size_max) {
      at->second = parts.size();
      made = true;
    }
    if (made) parts.push_back({job, change.tenant(), change.kind(), {}});
    parts[at->second].writes.push_back({&change, &job->results[i]});
  }
  size_t count = 0;
  for (const Part& part : parts) count += part.writes.size();
  FRESHET_ASSERT(count <= job->bulk.size());
  return parts;
}

void MongoStore::work() {
  BulkWriter writer(*client_, options_.identified_only ? Shape::kIdentified : Shape::kProfile, *options_.clock);
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || (!queue_.empty() && running_ < tuner_.concurrency()); });
    if (stopping_) return;
    Part part = std::move(queue_.front());
    queue_.pop_front();
    FRESHET_ASSERT(waiting_ >= part.writes.size() && !part.writes.empty());
    waiting_ -= part.writes.size();
    ++running_;
    FRESHET_ASSERT(running_ <= options_.connections_max);  // a thread runs one part
    lock.unlock();
    // The work itself needs no lock: the part, its job's results and the writer are this thread's
    // alone.
    room_.notify_all();
    const size_t size = part.writes.size();
    const env::TimeUs sent = options_.clock->monotonic_us();
    writer.write(part.tenant, part.kind, part.writes);
    const env::TimeUs answered = options_.clock->monotonic_us();
    metrics_.bulk_us.record(answered - sent);
    metrics_.operations.add(size);
    judge(writer, part);
    const Status outcome = outcome_of(part);
    finish(std::move(part), nullptr);
    lock.lock();
    FRESHET_ASSERT(running_ > 0);
    --running_;
    tuner_.observe(sent, answered, size, !outcome);
    note_outcome(outcome);
    work_.notify_one();
  }
}

// Why all of the part has to be tried again or given up; ok if the store answers, whatever it says
// of single changes.
Status MongoStore::outcome_of(const Part& part) const {
  FRESHET_ASSERT(!part.writes.empty());
  for (const ToWrite& write : part.writes) {
    if (*write.result || write.result->error().code == Code::kInvalid) return {};
  }
  return *part.writes.front().result;
}

// ---- one tenant, or all of them -----------------------------------------------------------------------------------

bool is_written(const ToWrite& write) { return write.result->has_value(); }
bool is_fatal(const ToWrite& write) { return !*write.result && write.result->error().code == Code::kFatal; }

// What the server says would end reaction; what it does not say is whether it would say it of every tenant: a role may
// leave out the database of one, and the others must not stand still for that. What it refuses of one tenant alone is
// poison, as what it refuses of one document is.
void MongoStore::judge(BulkWriter& writer, const Part& part) {
  if (std::any_of(part.writes.begin(), part.writes.end(), is_fatal) && is_of_this_tenant(writer, part)) {
    for (const ToWrite& write : part.writes)
      if (is_fatal(write)) write.result->error().code = Code::kInvalid;
  }
  if (std::any_of(part.writes.begin(), part.writes.end(), is_written)) note_well(part.tenant);
}

bool MongoStore::is_of_this_tenant(BulkWriter& writer, const Part& part) {
  if (std::any_of(part.writes.begin(), part.writes.end(), is_written)) return true;
  const std::string other = well_beside(part.tenant);
  return !other.empty() && writer.try_out(other).has_value();
}

void MongoStore::note_well(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  if (well_ == tenant) return;
  well_before_ = std::exchange(well_, tenant);
}

// "": of no other tenant is it known.
std::string MongoStore::well_beside(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  return well_ == tenant ? well_before_ : well_;
}

// ---- the store as a whole -----------------------------------------------------------------------------------------

// Tells when the store goes away and when it is back. REQUIRES: mutex_ is held.
void MongoStore::note_outcome(const Status& outcome) {
  metrics_.bulk_size.set(static_cast<double>(tuner_.bulk()));
  metrics_.concurrency.set(static_cast<double>(tuner_.concurrency()));
  if (outcome.has_value() != failing_) return;
  failing_ = !outcome;
  if (failing_) {
    log::warn("profiles can't be written: {}", outcome.error().message);
  } else {
    log::info("profiles are written to MongoDB again");
  }
}

// Ends a part, with `outcome` for all of it if there is one. The thread that ends the last part of
// a job answers it.
void MongoStore::finish(Part part, const Status* outcome) {
  if (outcome != nullptr) {
    for (const ToWrite& write : part.writes) *write.result = *outcome;
  }
  Job& job = *part.job;
  const size_t left = job.parts.fetch_sub(1);
  FRESHET_ASSERT(left > 0);
  if (left == 1) job.done(std::move(job.bulk), std::move(job.results));
}

// ---- reading ------------------------------------------------------------------------------------------------------

// The first `count` documents that are accepted, without tombstones. What others put there is
// passed over.
Result<std::vector<StoredDocument>> MongoStore::read(const std::string& tenant, v1::EntityKind kind, Query query,
                                                     size_t count, const Accept& accept) {
  nest_document(query.filter.get(), "removed_at", [](bson_t* removed) { append_bool(removed, "$exists", false); });
  std::vector<StoredDocument> all;
  if (count == 0) return all;
  query.batch = std::min<size_t>(count, 1000);
  const Client::Lease connection = client_->lease();
  Found found(*client_, connection.get(), tenant, kind, query);
  while (all.size() < count) {
    const bson_t* bson = found.next();
    if (bson == nullptr) break;
    const auto id = decode_id(*bson);
    auto document = decode(*bson);
    // People add documents of their own to collections; these are none of ours and are left alone.
    if (!id || !document) {
      metrics_.foreign.add();
      continue;
    }
    StoredDocument stored{{tenant, kind, *id}, std::move(*document)};
    if (!stored.document.removed() && accept(stored)) all.push_back(std::move(stored));
  }
  FRESHET_TRY(found.status());
  return all;
}

Result<std::optional<StoredDocument>> MongoStore::get(const EntityKey& key) {
  Query query;
  append_text(query.filter.get(), "_id", key.id.hex());
  FRESHET_ASSIGN(auto found,
                 read(key.tenant, key.kind, std::move(query), 1, [](const StoredDocument&) { return true; }));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

Result<std::optional<StoredDocument>> MongoStore::find(const std::string& tenant, v1::EntityKind kind,
                                                       const v1::Identifier& identifier) {
  Query query;
  append_text(query.filter.get(), "identifiers." + escape_name(identifier.type()), identifier.value());
  // The index is as new as the document in MongoDB, but an escaped name may be another type's: the
  // model decides.
  FRESHET_ASSIGN(auto found, read(tenant, kind, std::move(query), 1,
                                  [&](const StoredDocument& stored) { return lists(stored.document, identifier); }));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

// An expression that only says how a text begins reads the index from there on (MongoDB manual, "$regex: Index Use").
Result<std::vector<StoredDocument>> MongoStore::find_by_prefix(const std::string& tenant, v1::EntityKind kind,
                                                               const v1::Identifier& begin, size_t count) {
  std::string expression = "^";
  for (const char c : begin.value()) {
    if (std::string_view(".^$*+?()[]{}|/-").find(c) != std::string_view::npos || c == '\\') expression += '\\';
    expression += c;
  }
  Query query;
  query.sorted = false;  // by _id all that begin so would have to be sorted
  nest_document(query.filter.get(), "identifiers." + escape_name(begin.type()),
                [&](bson_t* test) { append_text(test, "$regex", expression); });
  return read(tenant, kind, std::move(query), count,
              [&](const StoredDocument& stored) { return first_with_prefix(stored.document, begin).has_value(); });
}

Result<std::vector<StoredDocument>> MongoStore::list(const std::string& tenant, v1::EntityKind kind,
                                                     std::string_view after, size_t count) {
  Query query;
  if (!after.empty()) {
    nest_document(query.filter.get(), "_id", [&](bson_t* id) { append_text(id, "$gt", to_hex(after)); });
  }
  return read(tenant, kind, std::move(query), count, [](const StoredDocument&) { return true; });
}

}  // namespace

Result<std::unique_ptr<DocStore>> open_mongo_store(MongoOptions options) {
  FRESHET_ASSIGN(auto client, Client::open(options.uri, 2 * options.connections_max));
  FRESHET_TRY(index_tenants(*client, options));
  // The password is not kept in memory for longer than the driver needs it.
  options.uri.clear();
  return std::unique_ptr<DocStore>(std::make_unique<MongoStore>(std::move(client), options));
}

}  // namespace freshet::docstore
