// The oplog, for servers without change streams: found from the position on, again and again. The entry at the position
// must still be there; that is how it is known that nothing was lost between.
#include <bson/bson.h>

#include <algorithm>

#include "docstore/mongo/bson.h"
#include "docstore/mongo/extended_json.h"
#include "docstore/mongo/tails.h"

namespace freshet::docstore {
namespace {

constexpr size_t kEntriesMost = 1'000;
constexpr size_t kEntryBytesMost = 8u << 20;
constexpr env::TimeUs kLookAgainUs = 50'000;  // where nothing was new

struct Stamp {
  uint32_t seconds = 0, count = 0;
  bool operator==(const Stamp&) const = default;
};

// The oplog is in the order of these, and no two entries have the same.
std::string position_of(const Stamp& at) {
  return "{\"oplog\":{\"$timestamp\":{\"t\":" + std::to_string(at.seconds) + ",\"i\":" + std::to_string(at.count) +
         "}}}";
}

std::optional<Stamp> stamp_in(const bson_t& document, const char* key) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &document, key) || !BSON_ITER_HOLDS_TIMESTAMP(&at)) return std::nullopt;
  Stamp out;
  bson_iter_timestamp(&at, &out.seconds, &out.count);
  return out;
}

std::optional<Stamp> stamp_of(const std::string& position) {
  const auto parsed = document_of(position);
  return parsed ? stamp_in(*parsed->get(), "oplog") : std::nullopt;
}

class OplogTail final : public Tail {
 public:
  OplogTail(Client& client, mongoc_client_t* connection, const ChangeReaderOptions& options, env::Clock& clock)
      : client_(client),
        options_(options),
        clock_(clock),
        oplog_(mongoc_client_get_collection(connection, "local", "oplog.rs")),
        local_(mongoc_client_get_database(connection, "local"), mongoc_database_destroy) {}

  Result<std::string> now() override {
    bson_error_t error;
    if (!mongoc_database_has_collection(local_.get(), "oplog.rs", &error))
      return fail(Code::kFatal, error.code != 0 ? client_.error_of(error, "looking for local.oplog.rs").message
                                                : "MongoDB: it has no oplog (local.oplog.rs)");
    Bson all, options;
    nest_document(options.get(), "sort", [](bson_t* sort) { append_int(sort, "$natural", -1); });
    append_int(options.get(), "limit", 1);
    append_concern(options.get());
    find(all, options);
    const bson_t* entry = nullptr;
    Stamp newest;  // of an empty oplog: everything is behind it
    if (mongoc_cursor_next(cursor_.get(), &entry)) newest = stamp_in(*entry, "ts").value_or(Stamp{});
    const Status read = state_of_cursor();
    cursor_.reset();
    FRESHET_TRY(read);
    return position_of(newest);
  }

  Status read(std::string& position, env::TimeUs timeout_us, std::vector<RawChange>& out) override {
    if (cursor_ == nullptr || standing_ != position) {
      if (standing_ == position && nothing_new_) clock_.sleep_us(std::min(timeout_us, kLookAgainUs));
      FRESHET_TRY(open(position));
    }
    const bson_t* entry = nullptr;
    size_t entries = 0, bytes = 0;
    while (entries < kEntriesMost && bytes < kEntryBytesMost && mongoc_cursor_next(cursor_.get(), &entry)) {
      const auto stamp = stamp_in(*entry, "ts");
      if (!stamp) return fail(Code::kCorrupt, "MongoDB: an entry of the oplog has no time");
      position = position_of(*stamp);
      FRESHET_ASSIGN(auto events, oplog_events(*entry, options_.database));
      // Entries of other databases move the position on, too, so that it does not grow old while ours is idle.
      // What is of one entry, a transaction, is behind the position only as a whole: so it is read again as a whole.
      for (ChangeEvent& event : events) out.push_back({std::move(event), standing_});
      if (!events.empty()) out.back().position = position;
      standing_ = position;
      ++entries;
      bytes += entry->len;
    }
    // What came before a failure counts; the next call meets it anew.
    if (const Status state = state_of_cursor(); !state && entries == 0) return state;
    nothing_new_ = entries == 0;
    if (entries < kEntriesMost && bytes < kEntryBytesMost) cursor_.reset();
    return {};
  }

 private:
  struct DestroyCursor {
    void operator()(mongoc_cursor_t* cursor) const { mongoc_cursor_destroy(cursor); }
  };

  // An entry that is rolled back later is not seen.
  static void append_concern(bson_t* options) {
    nest_document(options, "readConcern", [](bson_t* concern) { append_text(concern, "level", "majority"); });
  }

  void find(const Bson& filter, const Bson& options) {
    cursor_.reset(mongoc_collection_find_with_opts(oplog_.get(), filter.get(), options.get(), nullptr));
  }

  Status state_of_cursor() {
    bson_error_t error;
    if (!mongoc_cursor_error(cursor_.get(), &error)) return {};
    cursor_.reset();
    return tl::unexpected(tail_error(client_, error, "reading the oplog (it takes the role read on database local)"));
  }

  // Stands behind the entry at the position.
  Status open(const std::string& position) {
    const auto from = stamp_of(position);
    if (!from) return fail(Code::kCorrupt, "MongoDB: the position is none of an oplog: " + position);
    Bson filter, options;
    nest_document(filter.get(), "ts", [&](bson_t* how) {
      FRESHET_ASSERT(bson_append_timestamp(how, "$gte", -1, from->seconds, from->count));
    });
    append_int(options.get(), "batchSize", kEntriesMost);
    append_concern(options.get());
    find(filter, options);
    standing_ = position;
    if (*from == Stamp{}) return {};
    const bson_t* first = nullptr;
    const bool any = mongoc_cursor_next(cursor_.get(), &first);
    FRESHET_TRY(state_of_cursor());
    if (any && stamp_in(*first, "ts") == from) return {};
    cursor_.reset();
    standing_.clear();
    return fail(Code::kNotFound, "MongoDB: the oplog no longer has the entry at the position");
  }

  Client& client_;
  const ChangeReaderOptions& options_;
  env::Clock& clock_;
  const Collection oplog_;
  const std::unique_ptr<mongoc_database_t, decltype(&mongoc_database_destroy)> local_;
  std::unique_ptr<mongoc_cursor_t, DestroyCursor> cursor_;
  std::string standing_;
  bool nothing_new_ = false;
};

}  // namespace

bool is_of_oplog(std::string_view position) { return position.starts_with(R"({"oplog")"); }

std::unique_ptr<Tail> oplog_tail(Client& client, mongoc_client_t* connection, const ChangeReaderOptions& options,
                                 env::Clock& clock) {
  return std::make_unique<OplogTail>(client, connection, options, clock);
}

}  // namespace freshet::docstore
