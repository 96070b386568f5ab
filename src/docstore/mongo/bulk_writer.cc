#include "docstore/mongo/bulk_writer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "docstore/mongo/collections.h"
#include "telemetry/metrics.h"

namespace freshet::docstore {
namespace {

constexpr size_t kCommandBytesMax = 24u << 20;  // of the operations in one; a server takes 48 MB
constexpr uint32_t kKeptBytesMax = 64u << 10;   // memory of an operation that is kept for the next one

telemetry::Counter& stale() {
  static telemetry::Counter& counter =
      telemetry::counter("freshet_docstore_stale_total", "Writes to MongoDB that were not newer than what was there.");
  return counter;
}

telemetry::Counter& resolved() {
  static telemetry::Counter& counter = telemetry::counter(
      "freshet_docstore_resolved_total", "Writes to MongoDB that had to read the document first: set operations.");
  return counter;
}

const Bson& options_of_operation() {
  static const Bson options = [] {
    Bson made;
    append_bool(made.get(), "upsert", true);
    append_bool(made.get(), "validate", false);  // we made it
    return made;
  }();
  return options;
}

struct DestroyBulk {
  void operator()(mongoc_bulk_operation_t* bulk) const { mongoc_bulk_operation_destroy(bulk); }
};
using Bulk = std::unique_ptr<mongoc_bulk_operation_t, DestroyBulk>;

Bulk make_bulk(mongoc_collection_t* collection) {
  Bson options;
  append_bool(options.get(), "ordered", false);
  return Bulk(mongoc_collection_create_bulk_operation_with_opts(collection, options.get()));
}

bool append(mongoc_bulk_operation_t* bulk, const UpdateOne& one, bson_error_t* error) {
  const bson_t* options = options_of_operation().get();
  return one.replaces
             ? mongoc_bulk_operation_replace_one_with_opts(bulk, one.filter.get(), one.update.get(), options, error)
             : mongoc_bulk_operation_update_one_with_opts(bulk, one.filter.get(), one.update.get(), options, error);
}

}  // namespace

void BulkWriter::write(const std::string& tenant, v1::EntityKind kind, const std::vector<ToWrite>& writes) {
  count_ = 0;
  std::vector<ToWrite> to_resolve;
  for (const ToWrite& write : writes) {
    if (is_blind(*write.change)) {
      add(*write.change, std::nullopt, write.result);
    } else {
      to_resolve.push_back(write);
    }
  }
  const Client::Lease connection = client_.lease();
  if (!to_resolve.empty()) add_resolved(connection.get(), tenant, kind, to_resolve);
  if (count_ == 0) return;
  const Collection collection = collection_of(connection.get(), tenant, kind);
  run_all(collection.get());
  run_taken_again(collection.get());
  for (size_t i = 0; i < count_; ++i) {
    if (operations_[i].one.update.get()->len > kKeptBytesMax) operations_[i] = {};
  }
}

void BulkWriter::add(const v1::Change& change, std::optional<uint64_t> only_on, Status* result) {
  if (count_ == operations_.size()) operations_.emplace_back();
  Operation& operation = operations_[count_];
  operation.result = result;
  operation.resolved = only_on.has_value();
  operation.taken = false;
  *result = encode(change, shape_, clock_.now_us() / 1000, only_on, operation.one);
  if (!*result) return;
  if (operation.one.update.get()->len > client_.limits().document_bytes) {
    *result = fail(Code::kInvalid, "MongoDB: the change makes a document of more than " +
                                       std::to_string(client_.limits().document_bytes) + " bytes");
    return;
  }
  ++count_;
}

void BulkWriter::add_resolved(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind,
                              const std::vector<ToWrite>& writes) {
  Query query;
  query.sorted = false;
  query.primary = true;
  query.batch = writes.size();
  nest_document(query.filter.get(), "_id", [&](bson_t* id) {
    nest_array(id, "$in", [&](bson_t* ids) {
      for (size_t i = 0; i < writes.size(); ++i) append_text(ids, ArrayKey(i).view(), to_hex(writes[i].change->id()));
    });
  });
  std::map<Hash128, v1::Document> documents;
  Found found(client_, connection, tenant, kind, query);
  while (const bson_t* bson = found.next()) {
    const auto id = decode_id(*bson);
    auto document = decode(*bson);
    if (id && document) documents.emplace(*id, std::move(*document));
  }
  const Status read = found.status();
  resolved().add(writes.size());
  for (const ToWrite& write : writes) {
    *write.result = read;
    if (!read) continue;
    const v1::Document& document = documents[Hash128::from(write.change->id())];
    if (document.version() >= write.change->version() || document.removed()) {
      stale().add();
    } else {
      add(resolve(*write.change, document), document.version(), write.result);
    }
  }
}

// That the _id is taken does not say yet that what is there is newer: the server looks first and inserts then, and in
// between an older version may have come, from a bulk that a process sent before it was killed. Now that it is there,
// the same operation finds it, or is stale.
void BulkWriter::run_taken_again(mongoc_collection_t* collection) {
  const auto first = std::stable_partition(operations_.begin(), operations_.begin() + static_cast<ptrdiff_t>(count_),
                                           [](const Operation& operation) { return !operation.taken; });
  const auto begin = static_cast<size_t>(first - operations_.begin());
  if (begin < count_) run(collection, begin, count_);
}

// In commands as large as the server takes them.
void BulkWriter::run_all(mongoc_collection_t* collection) {
  size_t begin = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < count_; ++i) {
    const size_t size = operations_[i].one.update.get()->len + operations_[i].one.filter.get()->len;
    if (i > begin && (i - begin >= client_.limits().operations || bytes + size > kCommandBytesMax)) {
      run(collection, begin, i);
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  run(collection, begin, count_);
}

void BulkWriter::run(mongoc_collection_t* collection, size_t begin, size_t end) {
  const Bulk bulk = make_bulk(collection);
  bson_error_t error{};
  bool complete = true;
  for (size_t i = begin; i < end && complete; ++i) complete = append(bulk.get(), operations_[i].one, &error);
  BulkReply reply;
  if (complete) {
    bson_t raw;
    if (mongoc_bulk_operation_execute(bulk.get(), &raw, &error) == 0) {
      reply = read_reply(raw);
    } else {
      error = {};
    }
    bson_destroy(&raw);
  }
  judge(collection, begin, end, reply, error);
}

void BulkWriter::judge(mongoc_collection_t* collection, size_t begin, size_t end, const BulkReply& reply,
                       const bson_error_t& error) {
  const bool whole = reply.refused.empty() && reply.unconfirmed.empty() && error.domain != 0;
  if (!whole) {
    for (size_t i = begin; i < end; ++i) {
      const auto refused = reply.refused.find(static_cast<uint32_t>(i - begin));
      Status& result = *operations_[i].result;
      if (refused != reply.refused.end()) {
        result = verdict(operations_[i], refused->second);
      } else {
        result = Status{};
      }
      // What is stale, too: the newer one may be what could not be confirmed.
      if (result && !reply.unconfirmed.empty())
        result = fail(Code::kRetry, client_.clean("MongoDB: not confirmed: " + reply.unconfirmed));
    }
    return;
  }
  const Error failure = client_.error_of(error, "a bulk failed");
  if (failure.code == Code::kInvalid && end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    run(collection, begin, middle);
    return run(collection, middle, end);
  }
  for (size_t i = begin; i < end; ++i) *operations_[i].result = tl::unexpected(failure);
}

Status BulkWriter::verdict(Operation& operation, const WriteError& error) const {
  if (is_duplicate_id(error.code, error.message)) {
    if (operation.resolved) return fail(Code::kRetry, "MongoDB: the document changed meanwhile");
    if (std::exchange(operation.taken, true)) stale().add();
    return {};
  }
  return fail(code_of_server_error(error.code),
              client_.clean("MongoDB: " + error.message + " (code " + std::to_string(error.code) + ")"));
}

}  // namespace freshet::docstore
