// What both tails have in common: the captured collections are picked out, and documents that a change does not bring
// are looked up, many at once, within a bound on what they take.
#include "docstore/mongo/change_reader.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "base/pattern.h"
#include "docstore/mongo/bson.h"
#include "docstore/mongo/extended_json.h"
#include "docstore/mongo/tails.h"

namespace freshet::docstore {
namespace {

constexpr size_t kLookUpMost = 256;
constexpr size_t kLookUpBytesMost = 16u << 20;
constexpr size_t kChangesBytesMost = 16u << 20;

// The kinds of ids in MongoDB's order. A comparison takes only those of its own kind, so the ones behind are named.
struct IdKind {
  bson_type_t type;
  uint32_t rank;
  const char* name;
};
constexpr IdKind kIdKinds[] = {{BSON_TYPE_MINKEY, 0, "minKey"},   {BSON_TYPE_NULL, 1, "null"},
                               {BSON_TYPE_INT32, 2, "int"},       {BSON_TYPE_INT64, 2, "long"},
                               {BSON_TYPE_DOUBLE, 2, "double"},   {BSON_TYPE_DECIMAL128, 2, "decimal"},
                               {BSON_TYPE_UTF8, 3, "string"},     {BSON_TYPE_SYMBOL, 3, "symbol"},
                               {BSON_TYPE_DOCUMENT, 4, "object"}, {BSON_TYPE_BINARY, 6, "binData"},
                               {BSON_TYPE_OID, 7, "objectId"},    {BSON_TYPE_BOOL, 8, "bool"},
                               {BSON_TYPE_DATE_TIME, 9, "date"},  {BSON_TYPE_TIMESTAMP, 10, "timestamp"},
                               {BSON_TYPE_MAXKEY, 12, "maxKey"}};

// The documents whose ids come after this one in the order of a sort by _id.
void append_behind(bson_t* filter, const bson_iter_t& id) {
  uint32_t rank = 0;
  for (const IdKind& kind : kIdKinds)
    if (kind.type == bson_iter_type(&id)) rank = kind.rank;
  const bool is_nan = BSON_ITER_HOLDS_DOUBLE(&id) && bson_iter_double(&id) != bson_iter_double(&id);
  nest_array(filter, "$or", [&](bson_t* any) {
    nest_document(any, "0", [&](bson_t* one) {
      nest_document(one, "_id", [&](bson_t* how) {
        // Nothing compares with what is no number, which stands before all numbers.
        if (is_nan) FRESHET_ASSERT(bson_append_double(how, "$gte", -1, -__builtin_inf()));
        if (!is_nan) FRESHET_ASSERT(bson_append_iter(how, "$gt", -1, &id));
      });
    });
    nest_document(any, "1", [&](bson_t* one) {
      nest_document(one, "_id", [&](bson_t* how) {
        nest_array(how, "$type", [&](bson_t* kinds) {
          size_t count = 0;
          for (const IdKind& kind : kIdKinds)
            if (kind.rank > rank) append_text(kinds, ArrayKey(count++).view(), kind.name);
          if (count == 0) append_text(kinds, "0", "maxKey");
        });
      });
    });
  });
}

// What is no id is left out.
Bson any_of(const std::vector<std::string>& ids) {
  Bson filter;
  nest_document(filter.get(), "_id", [&](bson_t* how) {
    nest_array(how, "$in", [&](bson_t* all) {
      size_t count = 0;
      for (const std::string& id : ids) {
        const auto parsed = id_document(id);
        bson_iter_t at;
        if (!parsed || !bson_iter_init_find(&at, parsed->get(), "_id")) continue;
        const ArrayKey key(count++);
        FRESHET_ASSERT(bson_append_iter(all, key.view().data(), length_of(key.view()), &at));
      }
    });
  });
  return filter;
}

// A problem is told with as much as there is, so that somebody can look for the document.
DocumentText text_of(const bson_t& document) {
  DocumentText out;
  bson_iter_t at;
  std::optional<std::string> id;
  if (bson_iter_init_find(&at, &document, "_id")) id = json_of(at);
  if (!id) out.problem = "its _id can't be told";
  out.id = std::move(id).value_or("");
  auto text = json_of(document);
  if (!text && out.problem.empty()) out.problem = kNoJson;
  if (text) out.text = *std::move(text);
  return out;
}

class MongoChanges final : public ChangeReader {
 public:
  MongoChanges(ChangeReaderOptions options, std::unique_ptr<Client> client, env::Clock& clock)
      : options_(std::move(options)),
        client_(std::move(client)),
        connection_(client_->lease()),
        stream_(stream_tail(*client_, connection_.get(), options_)),
        oplog_(oplog_tail(*client_, connection_.get(), options_, clock)) {}

  Result<std::string> now() override {
    if (options_.source == ChangeSource::kOplog) return oplog_->now();
    auto streamed = stream_->now();
    if (streamed || options_.source == ChangeSource::kStream || streamed.error().code == Code::kRetry) return streamed;
    auto logged = oplog_->now();
    if (logged || logged.error().code == Code::kRetry) return logged;
    return fail(Code::kFatal,
                "MongoDB: neither change streams nor the oplog can be read, and one must be (a server by "
                "itself becomes a replica set of one by rs.initiate()): " +
                    streamed.error().message + "; " + logged.error().message);
  }

  Result<std::vector<std::string>> collections() override;
  Result<DocumentPage> documents(const std::string& collection, const std::string& after_id, size_t documents_max,
                                 size_t bytes_max) override;
  Result<std::vector<std::string>> gone(const std::string& collection, const std::vector<std::string>& ids) override;
  Result<DocumentChanges> changes(const std::string& position, env::TimeUs timeout_us) override;

 private:
  struct DestroyCursor {
    void operator()(mongoc_cursor_t* cursor) const { mongoc_cursor_destroy(cursor); }
  };
  using Cursor = std::unique_ptr<mongoc_cursor_t, DestroyCursor>;
  struct Find {
    Collection of;
    Cursor cursor;
  };

  [[nodiscard]] bool wants(const std::string& collection) const {
    return !collection.empty() &&
           std::any_of(options_.collections.begin(), options_.collections.end(),
                       [&](const std::string& pattern) { return fits_pattern(pattern, collection); });
  }
  // A rename into the captured collections, or out of them, concerns us as well.
  [[nodiscard]] bool wants(const DocumentChange& change) const {
    return change.kind == ChangeKind::kAllDropped || wants(change.collection) || wants(change.to);
  }
  [[nodiscard]] Find find(const std::string& collection, const Bson& filter, bool only_ids, bool sorted);
  [[nodiscard]] Status state_of(const Find& find, const std::string& what);
  [[nodiscard]] Status look_up(size_t count);

  const ChangeReaderOptions options_;
  const std::unique_ptr<Client> client_;
  const Client::Lease connection_;
  const std::unique_ptr<Tail> stream_, oplog_;
  // The documents that are being read.
  Find reading_;
  std::string reading_collection_, reading_after_;
  // What was read and not handed out yet.
  std::deque<RawChange> waiting_;
  std::string handed_out_;  // the position behind what was
  std::string read_;        // the position behind what is waiting
  size_t looked_up_ = 0;    // of what is waiting, from its beginning
  size_t look_up_most_ = kLookUpMost;
};

Result<std::vector<std::string>> MongoChanges::collections() {
  const std::unique_ptr<mongoc_database_t, decltype(&mongoc_database_destroy)> database(
      mongoc_client_get_database(connection_.get(), options_.database.c_str()), mongoc_database_destroy);
  const Cursor cursor(mongoc_database_find_collections_with_opts(database.get(), nullptr));
  std::set<std::string> names;
  const bson_t* one = nullptr;
  while (mongoc_cursor_next(cursor.get(), &one)) {
    bson_iter_t at;
    if (bson_iter_init_find(&at, one, "type") && BSON_ITER_HOLDS_UTF8(&at) &&
        std::string_view(bson_iter_utf8(&at, nullptr)) != "collection")
      continue;
    if (!bson_iter_init_find(&at, one, "name") || !BSON_ITER_HOLDS_UTF8(&at)) continue;
    const std::string name = bson_iter_utf8(&at, nullptr);
    if (!name.starts_with("system.") && wants(name)) names.insert(name);
  }
  bson_error_t error;
  if (mongoc_cursor_error(cursor.get(), &error))
    return tl::unexpected(client_->error_of(error, "listing the collections of " + options_.database));
  return std::vector<std::string>(names.begin(), names.end());
}

// From the primary: a secondary that lags behind would show a document older than the change that asks for it.
MongoChanges::Find MongoChanges::find(const std::string& collection, const Bson& filter, bool only_ids, bool sorted) {
  Find out;
  out.of.reset(mongoc_client_get_collection(connection_.get(), options_.database.c_str(), collection.c_str()));
  Bson options;
  if (only_ids) nest_document(options.get(), "projection", [](bson_t* fields) { append_int(fields, "_id", 1); });
  if (sorted) nest_document(options.get(), "sort", [](bson_t* sort) { append_int(sort, "_id", 1); });
  append_int(options.get(), "batchSize", 1'000);
  nest_document(options.get(), "readConcern", [](bson_t* concern) { append_text(concern, "level", "majority"); });
  const std::unique_ptr<mongoc_read_prefs_t, decltype(&mongoc_read_prefs_destroy)> primary(
      mongoc_read_prefs_new(MONGOC_READ_PRIMARY), mongoc_read_prefs_destroy);
  out.cursor.reset(mongoc_collection_find_with_opts(out.of.get(), filter.get(), options.get(), primary.get()));
  return out;
}

Status MongoChanges::state_of(const Find& find, const std::string& what) {
  bson_error_t error;
  if (!mongoc_cursor_error(find.cursor.get(), &error)) return {};
  return tl::unexpected(client_->error_of(error, what));
}

Result<DocumentPage> MongoChanges::documents(const std::string& collection, const std::string& after_id,
                                             size_t documents_max, size_t bytes_max) {
  if (reading_.cursor == nullptr || reading_collection_ != collection || reading_after_ != after_id) {
    Bson filter;
    if (!after_id.empty()) {
      const auto parsed = id_document(after_id);
      bson_iter_t id;
      if (!parsed || !bson_iter_init_find(&id, parsed->get(), "_id"))
        return fail(Code::kCorrupt, "MongoDB: this is no id that documents were read up to: " + after_id);
      append_behind(filter.get(), id);
    }
    reading_ = find(collection, filter, false, true);
    reading_collection_ = collection;
    reading_after_ = after_id;
  }
  DocumentPage page;
  const bson_t* document = nullptr;
  size_t bytes = 0;
  while (page.documents.size() < documents_max && bytes < bytes_max) {
    page.last = !mongoc_cursor_next(reading_.cursor.get(), &document);
    if (page.last) break;
    DocumentText& one = page.documents.emplace_back(text_of(*document));
    if (!one.id.empty()) reading_after_ = one.id;
    bytes += one.text.size();
  }
  const Status state = state_of(reading_, "reading the documents of " + collection);
  if (!state || page.last) reading_ = {};
  FRESHET_TRY(state);
  return page;
}

Result<std::vector<std::string>> MongoChanges::gone(const std::string& collection,
                                                    const std::vector<std::string>& ids) {
  std::set<std::string> asked;
  for (const std::string& id : ids)
    if (id_document(id)) asked.insert(id);
  if (asked.empty()) return std::vector<std::string>();
  const Find found = find(collection, any_of({asked.begin(), asked.end()}), true, false);
  const bson_t* document = nullptr;
  while (mongoc_cursor_next(found.cursor.get(), &document)) asked.erase(text_of(*document).id);
  FRESHET_TRY(state_of(found, "looking for documents of " + collection));
  return std::vector<std::string>(asked.begin(), asked.end());
}

// Of the first `count` changes that wait, those that need it. Less of them where they take too much.
Status MongoChanges::look_up(size_t count) {
  while (looked_up_ < count) {
    const size_t end = std::min(count, looked_up_ + look_up_most_);
    std::map<std::string, std::vector<std::string>> wanted;
    for (size_t i = looked_up_; i < end; ++i)
      if (waiting_[i].event.look_up) wanted[waiting_[i].event.change.collection].push_back(waiting_[i].event.change.id);
    absl::flat_hash_map<std::pair<std::string, std::string>, DocumentText> there;
    size_t bytes = 0;
    for (const auto& [collection, ids] : wanted) {
      const Bson filter = any_of(ids);
      const Find found = find(collection, filter, false, false);
      const bson_t* document = nullptr;
      while (bytes < kLookUpBytesMost && mongoc_cursor_next(found.cursor.get(), &document)) {
        bytes += document->len;
        DocumentText one = text_of(*document);
        there[{collection, one.id}] = std::move(one);
      }
      FRESHET_TRY(state_of(found, "looking up documents of " + collection));
    }
    if (bytes >= kLookUpBytesMost && look_up_most_ > 1) {
      look_up_most_ /= 4;
      continue;
    }
    for (size_t i = looked_up_; i < end; ++i) {
      DocumentChange& change = waiting_[i].event.change;
      const auto found = there.find(std::pair(change.collection, change.id));
      if (!std::exchange(waiting_[i].event.look_up, false) || found == there.end()) continue;
      change.problem = found->second.problem;
      if (change.problem.empty()) change.after = found->second.text;
    }
    looked_up_ = end;
    // What was looked up may be handed out before more of it is.
    if (look_up_most_ < kLookUpMost) break;
  }
  look_up_most_ = std::min(kLookUpMost, look_up_most_ * 2);
  return {};
}

// What waits belongs to a caller who goes on where we left off; for another position it is read anew.
Result<DocumentChanges> MongoChanges::changes(const std::string& position, env::TimeUs timeout_us) {
  if (position != handed_out_) {
    waiting_.clear();
    looked_up_ = 0;
  }
  handed_out_ = position;
  if (waiting_.empty()) {
    read_ = position;
    std::vector<RawChange> read;
    FRESHET_TRY((is_of_oplog(position) ? *oplog_ : *stream_).read(read_, timeout_us, read));
    for (RawChange& one : read)
      if (wants(one.event.change)) waiting_.push_back(std::move(one));
  }
  size_t whole = 0;
  while (whole < waiting_.size() && !is_of_collection(waiting_[whole].event.change.kind)) ++whole;
  if (const Status looked = look_up(whole); !looked) {
    handed_out_.clear();  // All of it is read again.
    return tl::unexpected(looked.error());
  }
  DocumentChanges out;
  size_t bytes = 0;
  const auto hand_out = [&] {
    DocumentChange& one = out.list.emplace_back(std::move(waiting_.front().event.change));
    handed_out_ = std::move(waiting_.front().position);
    waiting_.pop_front();
    bytes += (one.before ? one.before->size() : 0) + (one.after ? one.after->size() : 0);
  };
  for (; looked_up_ > 0 && bytes < kChangesBytesMost; --looked_up_, --whole) hand_out();
  if (whole == 0 && !waiting_.empty()) hand_out();
  if (waiting_.empty()) handed_out_ = read_;
  out.next = handed_out_;
  return out;
}

}  // namespace

Result<std::unique_ptr<ChangeReader>> open_change_reader(const ChangeReaderOptions& options, env::Clock& clock) {
  FRESHET_ASSIGN(auto client, Client::open(options.uri, 1));
  return std::unique_ptr<ChangeReader>(std::make_unique<MongoChanges>(options, std::move(client), clock));
}

}  // namespace freshet::docstore
