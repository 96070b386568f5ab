// A change stream of the whole database by plain commands: aggregate, then getMore at the same server. The driver's own
// change streams would resume by themselves, past what we have not committed, and would wait for more where something
// is there already. A reply is understood in one place, whichever command it answers.
#include <bson/bson.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "docstore/mongo/bson.h"
#include "docstore/mongo/extended_json.h"
#include "docstore/mongo/tails.h"

namespace freshet::docstore {
namespace {

constexpr int64_t kEventsMost = 1'000;  // of one reply, which has up to 16 MiB, too
constexpr int kChangeStreamFatal = 280;
constexpr int kEventTooLarge = 10334;

// CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost.
constexpr std::array kLost = {136, 260, kChangeStreamFatal, 286};

// For a regular expression; a collection's name may have any character but `$` and NUL.
std::string expression_of(const std::vector<std::string>& patterns) {
  std::string out = "^(";
  for (const std::string& pattern : patterns) {
    if (out.size() > 2) out += '|';
    for (const char c : pattern) {
      const bool plain = is_name_char(c) || static_cast<unsigned char>(c) >= 0x80;
      if (c == '*') out += ".*";
      if (!plain && c != '*') out += '\\';
      if (c != '*') out += c;
    }
  }
  return out + ")$";
}

class StreamTail final : public Tail {
 public:
  StreamTail(Client& client, mongoc_client_t* connection, const ChangeReaderOptions& options)
      : client_(client), connection_(connection), options_(options) {}
  ~StreamTail() override { forget(); }

  // A stream is opened only to be told where it begins; nothing of it is kept, because a snapshot may take hours.
  Result<std::string> now() override {
    std::vector<RawChange> ignored;
    std::string position;
    FRESHET_TRY(open("", position, ignored));
    forget();
    // Where an event came with the first reply, it began before this call did, or while it went on.
    return position;
  }

  Status read(std::string& position, env::TimeUs timeout_us, std::vector<RawChange>& out) override {
    if (cursor_ == 0 || standing_ != position) {
      forget();
      const std::string from = position;
      FRESHET_TRY(open(from, position, out));
      if (!out.empty()) return {};
    }
    if (cursor_ == 0) return {};
    Bson more;
    append_int(more.get(), "getMore", cursor_);
    append_text(more.get(), "collection", batches_of_);
    append_int(more.get(), "batchSize", kEventsMost);
    append_int(more.get(), "maxTimeMS", std::max<int64_t>(timeout_us / 1000, 1));
    return ask(more, "nextBatch", position, out);
  }

 private:
  Status open(const std::string& from, std::string& next, std::vector<RawChange>& out) {
    Bson command;
    const auto start = from.empty() ? std::optional<Bson>(Bson()) : document_of(from);
    if (!start) return fail(Code::kCorrupt, "MongoDB: the position is none of a change stream: " + from);
    append_int(command.get(), "aggregate", 1);
    nest_array(command.get(), "pipeline", [&](bson_t* stages) {
      nest_document(stages, "0", [&](bson_t* stage) {
        nest_document(stage, "$changeStream", [&](bson_t* how) {
          append_start(how, *start->get());
          if (options_.before == Before::kAvailable) append_text(how, "fullDocumentBeforeChange", "whenAvailable");
        });
      });
      nest_document(stages, "1", [&](bson_t* stage) { append_match(stage); });
      // What an update has set is not needed: the document is looked up.
      nest_document(stages, "2", [](bson_t* stage) {
        nest_document(stage, "$project", [](bson_t* fields) { append_int(fields, "updateDescription", 0); });
      });
    });
    nest_document(command.get(), "cursor", [](bson_t*) {});
    bson_error_t error;
    mongoc_server_description_t* const server = mongoc_client_select_server(connection_, true, nullptr, &error);
    if (server == nullptr) return tl::unexpected(client_.error_of(error, "a change stream"));
    server_ = mongoc_server_description_id(server);
    mongoc_server_description_destroy(server);
    next = from;
    return ask(command, "firstBatch", next, out);
  }

  // With neither it begins now.
  static void append_start(bson_t* how, const bson_t& start) {
    bson_iter_t at;
    const char* const name = bson_has_field(&start, "invalidated") ? "startAfter" : "resumeAfter";
    if (bson_iter_init_find(&at, &start, "stream")) FRESHET_ASSERT(bson_append_iter(how, name, -1, &at));
    if (bson_iter_init_find(&at, &start, "time"))
      FRESHET_ASSERT(bson_append_iter(how, "startAtOperationTime", -1, &at));
  }

  // The server leaves out what is of other collections, so that a busy neighbour costs nothing here. A rename counts
  // for both names, and what ends the stream for all.
  void append_match(bson_t* stage) const {
    const std::string expression = expression_of(options_.collections);
    nest_document(stage, "$match", [&](bson_t* match) {
      nest_array(match, "$or", [&](bson_t* any) {
        const char* const fields[] = {"ns.coll", "to.coll"};
        for (size_t i = 0; i < 2; ++i)
          nest_document(any, ArrayKey(i).view(), [&](bson_t* one) {
            nest_document(one, fields[i], [&](bson_t* how) { append_text(how, "$regex", expression); });
          });
        nest_document(any, "2", [](bson_t* one) {
          nest_document(one, "operationType", [](bson_t* how) {
            nest_array(how, "$in", [](bson_t* kinds) {
              append_text(kinds, "0", "dropDatabase");
              append_text(kinds, "1", "invalidate");
            });
          });
        });
      });
    });
  }

  // Runs the command where the cursor is, or will be, and takes what its reply brings.
  Status ask(const Bson& command, const char* batch, std::string& next, std::vector<RawChange>& out) {
    bson_t reply;
    bson_error_t error;
    const bool done = mongoc_client_command_simple_with_server_id(connection_, options_.database.c_str(), command.get(),
                                                                  nullptr, server_, &reply, &error);
    Status taken;
    if (done) taken = take(reply, batch, next, out);
    bson_destroy(&reply);
    if (!done) {
      cursor_ = 0;
      return tl::unexpected(explained(error));
    }
    standing_ = next;
    return taken;
  }

  // An event is one document to the server, and so has the limit of a document.
  Error explained(const bson_error_t& error) const {
    Error out = tail_error(client_, error, "the change stream of database " + options_.database);
    if (error.domain == MONGOC_ERROR_SERVER && error.code == kEventTooLarge)
      out = {Code::kFatal, out.message + " (a change with its document before is over 16 MB: before: none)"};
    return out;
  }

  Status take(const bson_t& reply, const char* batch, std::string& next, std::vector<RawChange>& out) {
    bson_iter_t root, at, inner;
    bson_t cursor;
    if (!bson_iter_init_find(&root, &reply, "cursor") || !view_document(root, cursor))
      return fail(Code::kFatal, "MongoDB: a change stream's reply has no cursor");
    if (bson_iter_recurse(&root, &at) && bson_iter_find(&at, "id")) cursor_ = bson_iter_as_int64(&at);
    if (auto collection = collection_of_cursor(cursor)) batches_of_ = *std::move(collection);
    if (cursor_ != 0 && batches_of_.empty()) {
      cursor_ = 0;
      return fail(Code::kFatal, "MongoDB: a change stream's cursor names no collection");
    }
    if (bson_iter_recurse(&root, &at) && bson_iter_find(&at, batch) && BSON_ITER_HOLDS_ARRAY(&at) &&
        bson_iter_recurse(&at, &inner)) {
      while (bson_iter_next(&inner)) {
        bson_t event;
        if (!view_document(inner, event)) continue;
        bson_iter_t token;
        if (bson_iter_init_find(&token, &event, "_id")) next = position_of("stream", token, is_invalidate(event));
        if (is_invalidate(event)) cursor_ = 0;
        if (auto change = stream_event(event)) out.push_back({*std::move(change), next});
      }
    }
    // It may be behind events that were left out. At the end of a stream there is nothing behind the last one.
    if (cursor_ != 0 && bson_iter_recurse(&root, &at) && bson_iter_find(&at, "postBatchResumeToken"))
      next = position_of("stream", at, false);
    // Servers before 4.0.7 give no token until an event comes; the time of the reply is as good.
    if (!next.empty()) return {};
    if (!bson_iter_init_find(&at, &reply, "operationTime"))
      return fail(Code::kFatal, "MongoDB: its change streams tell no position to begin at (4.0 and later do)");
    next = position_of("time", at, false);
    return {};
  }

  static std::string position_of(const char* name, const bson_iter_t& at, bool invalidated) {
    std::string out = std::string("{\"") + name + "\":" + json_of(at).value_or("{}");
    return out + (invalidated ? ",\"invalidated\":true}" : "}");
  }

  // The server would keep it for ten minutes.
  void forget() {
    if (const int64_t cursor = std::exchange(cursor_, 0); cursor != 0) {
      Bson kill;
      append_text(kill.get(), "killCursors", batches_of_);
      nest_array(kill.get(), "cursors", [&](bson_t* all) { append_int(all, "0", cursor); });
      // One that is not ended ends by itself.
      (void)mongoc_client_command_simple_with_server_id(connection_, options_.database.c_str(), kill.get(), nullptr,
                                                        server_, nullptr, nullptr);
    }
    standing_.clear();
  }

  Client& client_;
  mongoc_client_t* const connection_;
  const ChangeReaderOptions& options_;
  int64_t cursor_ = 0;
  uint32_t server_ = 0;
  std::string batches_of_;
  std::string standing_;  // the position that the cursor is behind
};

}  // namespace

Error tail_error(const Client& client, const bson_error_t& error, const std::string& what) {
  Error out = client.error_of(error, what);
  const bool from_server = error.domain == MONGOC_ERROR_SERVER || error.domain == MONGOC_ERROR_QUERY;
  const int code = static_cast<int>(error.code);
  if (from_server && std::find(kLost.begin(), kLost.end(), code) != kLost.end()) out.code = Code::kNotFound;
  return out;
}

std::unique_ptr<Tail> stream_tail(Client& client, mongoc_client_t* connection, const ChangeReaderOptions& options) {
  return std::make_unique<StreamTail>(client, connection, options);
}

}  // namespace freshet::docstore
