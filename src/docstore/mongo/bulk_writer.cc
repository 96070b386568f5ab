// Sends bulks and judges their replies. Decision 0009 says why an operation looks as it does.
// Whatever a reply leaves open is tried again: an operation that was done already is stale then,
// which is success.

#include "docstore/mongo/bulk_writer.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "docstore/mongo/collections.h"
#include "telemetry/metrics.h"

namespace freshet::docstore {
namespace {

// The bytes of the operations in one command; a server takes 48 MB.
constexpr size_t kCommandBytesMax = 24u << 20;
// The memory of an operation that is kept for the next one.
constexpr uint32_t kKeptBytesMax = 64u << 10;

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
    append_bool(made.get(), "validate", false);  // we made the documents, so their names are right
    return made;
  }();
  return options;
}

// The guard of every write compares versions, and here is none to compare with. Tried again, it would be so for ever;
// taken for stale, the profile would be lost without a word.
Status displaced() {
  return fail(Code::kInvalid,
              "MongoDB: a document of somebody else, without a version above 0, has the _id of this profile: take it "
              "away");
}

struct DestroyBulk {
  void operator()(mongoc_bulk_operation_t* bulk) const { mongoc_bulk_operation_destroy(bulk); }
};
using Bulk = std::unique_ptr<mongoc_bulk_operation_t, DestroyBulk>;

// Unordered: one refused operation must not stop those behind it.
Bulk make_bulk(mongoc_collection_t* collection) {
  Bson options;
  append_bool(options.get(), "ordered", false);
  Bulk bulk(mongoc_collection_create_bulk_operation_with_opts(collection, options.get()));
  FRESHET_ASSERT(bulk != nullptr);
  return bulk;
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
    FRESHET_ASSERT(write.change != nullptr && write.result != nullptr);
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
  refuse_displaced(connection.get(), tenant, kind);
  // One large document must not keep its memory in every operation that it ever was in.
  for (size_t i = 0; i < count_; ++i) {
    if (operations_[i].one.update.get()->len > kKeptBytesMax) operations_[i] = {};
  }
}

// Nobody has this _id, so nothing changes; but a server judges the command as it does a bulk.
Status BulkWriter::try_out(const std::string& tenant) {
  const Client::Lease connection = client_.lease();
  const Collection collection = collection_of(connection.get(), tenant, v1::ENTITY_KIND_USER);
  Bson filter, update;
  append_text(filter.get(), "_id", "");
  nest_document(update.get(), "$set", [](bson_t* set) { append_int(set, "version", 0); });
  bson_error_t error;
  if (mongoc_collection_update_one(collection.get(), filter.get(), update.get(), nullptr, nullptr, &error)) return {};
  return tl::unexpected(client_.error_of(error, "can't write to the database of " + tenant));
}

// The time is for tombstones, which the server deletes by its own clock.
void BulkWriter::add(const v1::Change& change, std::optional<uint64_t> only_on, Status* result) {
  if (count_ == operations_.size()) operations_.emplace_back();
  Operation& operation = operations_[count_];
  operation.result = result;
  operation.resolved = only_on.has_value();
  operation.taken = operation.stale = false;
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
  // A secondary may be behind, and an effect that is computed on an old document would be refused.
  query.primary = true;
  query.batch = writes.size();
  nest_document(query.filter.get(), "_id", [&](bson_t* id) {
    nest_array(id, "$in", [&](bson_t* ids) {
      for (size_t i = 0; i < writes.size(); ++i) append_text(ids, ArrayKey(i).view(), to_hex(writes[i].change->id()));
    });
  });
  std::map<Hash128, std::optional<v1::Document>> documents;
  Found found(client_, connection, tenant, kind, query);
  while (const bson_t* bson = found.next()) {
    const auto id = decode_id(*bson);
    if (id) documents.emplace(*id, decode(*bson));
  }
  const Status read = found.status();
  resolved().add(writes.size());
  for (const ToWrite& write : writes) {
    // What could not be read can't be resolved; it is tried again, or given up, as the read's error
    // says.
    *write.result = read;
    if (!read) continue;
    // A document that is not there has version 0, and resolving on it makes it.
    const std::optional<v1::Document>& document =
        documents.try_emplace(Hash128::from(write.change->id()), v1::Document()).first->second;
    if (!document) {
      *write.result = displaced();
    } else if (document->version() >= write.change->version() || document->removed()) {
      stale().add();
    } else {
      add(resolve(*write.change, *document), document->version(), write.result);
    }
  }
}

// That the _id is taken does not say yet that what is there is newer. The server looks first and
// inserts then, and in between an older version may have come, from a bulk that a process sent
// before it was killed. Now that a document is there, the same operation finds it, or is stale.
// Counted as stale at once, a newer change would be lost.
void BulkWriter::run_taken_again(mongoc_collection_t* collection) {
  const auto first = std::stable_partition(operations_.begin(), operations_.begin() + static_cast<ptrdiff_t>(count_),
                                           [](const Operation& operation) { return !operation.taken; });
  const auto begin = static_cast<size_t>(first - operations_.begin());
  if (begin < count_) run(collection, begin, count_);
}

// One question for a bulk that met newer documents, as after a restart: nearly always there is no answer to it.
void BulkWriter::refuse_displaced(mongoc_client_t* connection, const std::string& tenant, v1::EntityKind kind) {
  std::map<std::string, Status*, std::less<>> stale_ones;  // by _id
  for (size_t i = 0; i < count_; ++i) {
    bson_iter_t id;
    if (!operations_[i].stale || !bson_iter_init_find(&id, operations_[i].one.filter.get(), "_id")) continue;
    stale_ones[bson_iter_utf8(&id, nullptr)] = operations_[i].result;
  }
  if (stale_ones.empty()) return;
  Query query;
  query.sorted = false;
  query.primary = true;
  query.batch = stale_ones.size();
  nest_document(query.filter.get(), "_id", [&](bson_t* id) {
    nest_array(id, "$in", [&](bson_t* ids) {
      size_t at = 0;
      for (const auto& [text, result] : stale_ones) append_text(ids, ArrayKey(at++).view(), text);
    });
  });
  nest_document(query.filter.get(), "version", [](bson_t* version) {
    nest_document(version, "$not", [](bson_t* ours) { append_int(ours, "$gte", 1); });
  });
  Found found(client_, connection, tenant, kind, query);
  while (const bson_t* bson = found.next()) {
    const auto id = decode_id(*bson);
    if (const auto at = id ? stale_ones.find(id->hex()) : stale_ones.end(); at != stale_ones.end())
      *at->second = displaced();
  }
  if (const Status read = found.status(); !read)
    for (const auto& [text, result] : stale_ones) *result = read;
}

// Runs all operations, in commands as large as the server takes them.
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
  // The rest; it is at least one operation.
  run(collection, begin, count_);
}

void BulkWriter::run(mongoc_collection_t* collection, size_t begin, size_t end) {
  FRESHET_ASSERT(begin < end && end <= count_);
  const Bulk bulk = make_bulk(collection);
  bson_error_t error{};
  bool complete = true;
  for (size_t i = begin; i < end && complete; ++i) complete = append(bulk.get(), operations_[i].one, &error);
  BulkReply reply;
  if (complete) {
    bson_t raw;
    // 0 means that something went wrong; the reply then says what, as far as there is one.
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
  // The command as a whole failed, and nothing is known of its operations.
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
      // This holds for what is stale, too: the newer version may be what could not be confirmed.
      if (result && !reply.unconfirmed.empty())
        result = fail(Code::kRetry, client_.clean("MongoDB: not confirmed: " + reply.unconfirmed));
    }
    return;
  }
  const Error failure = client_.error_of(error, "a bulk failed");
  // One operation spoils the command (it is too large, say); halving finds it in a few steps.
  if (failure.code == Code::kInvalid && !is_about_collection(error) && end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    run(collection, begin, middle);
    return run(collection, middle, end);
  }
  for (size_t i = begin; i < end; ++i) *operations_[i].result = tl::unexpected(failure);
}

Status BulkWriter::verdict(Operation& operation, const WriteError& error) const {
  if (is_duplicate_id(error.code, error.message)) {
    // Another writer was between the read and the write: read again and compute anew.
    if (operation.resolved) return fail(Code::kRetry, "MongoDB: the document changed between reading and writing it");
    operation.stale = std::exchange(operation.taken, true);
    if (operation.stale) stale().add();
    return {};
  }
  return fail(code_of_server_error(error.code),
              client_.clean("MongoDB: " + error.message + " (code " + std::to_string(error.code) + ")"));
}

}  // namespace freshet::docstore
