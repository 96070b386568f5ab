#include "sink_targets.h"

#include <simdjson.h>

#include "sink_stage.h"
#include "sinks/files/files.h"
#include "sinks/postgres/postgres.h"
#include "sinks/topic/topic.h"
#include "sinks/webhook/signature.h"
#include "sinks/webhook/webhook.h"

namespace freshet::sim {
namespace {

using objectstore::LocalFile;
using objectstore::Object;
using objectstore::Pace;

std::string text_in(const simdjson::dom::element& row, std::string_view name) {
  std::string_view text;
  return row[name].get_string().get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

int64_t number_in(const simdjson::dom::element& row, std::string_view name) {
  int64_t number = -1;
  return row[name].get_int64().get(number) == simdjson::SUCCESS ? number : -1;
}

std::vector<std::string> texts_of(const std::string& json) {
  std::vector<std::string> out;
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(json);
  const simdjson::dom::array all = parser.parse(padded).get_array().value();
  for (const simdjson::dom::element one : all) out.emplace_back(one.get_string().value());
  return out;
}

}  // namespace

// ---- PostgreSQL -----------------------------------------------------------------------------------------------------

// Whoever gets no answer has lost the connection, and with it the transaction.
Status MemoryTables::call(const char* name) {
  if (!open_) return fail(Code::kRetry, "the connection is closed");
  Status answered = stage_.at_call(name);
  if (answered) return answered;
  undo();
  open_ = false;
  return answered;
}

void MemoryTables::undo() {
  std::erase_if(stage_.database.locked, [this](const auto& one) { return one.second == this; });
  stage_.database.readers_of_erased.erase(this);
  places_.clear();
  events_.clear();
  profiles_.clear();
  erased_.clear();
  in_transaction_ = false;
}

void MemoryTables::apply() {
  MemoryDatabase& to = stage_.database;
  for (const auto& [key, next] : places_) {
    require(to.places.contains(key) && next >= to.places[key],
            [&, &sink = key.first] { return "a place of sink " + sink + " goes back"; });
    to.places[key] = next;
  }
  for (const auto& [key, row] : events_) to.events.try_emplace(key, row);
  for (const auto& [id, row] : profiles_) {
    if (!row) {
      to.profiles.erase(id);
    } else if (to.profiles[id].version < row->version) {
      to.profiles[id] = *row;
    }
  }
  to.erased.insert(erased_.begin(), erased_.end());
  undo();
}

Status MemoryTables::begin() {
  FRESHET_TRY(call("begin"));
  in_transaction_ = true;
  return {};
}

Status MemoryTables::commit() {
  FRESHET_TRY(call("commit"));
  apply();
  if (stage_.loses_answer()) {
    open_ = false;
    return fail(Code::kRetry, "no answer to a commit");
  }
  return call("committed");
}

Status MemoryTables::rollback() {
  FRESHET_TRY(call("rollback"));
  undo();
  return {};
}

Status MemoryTables::lock(const MemoryDatabase::PlaceKey& key) {
  const auto held = stage_.database.locked.find(key);
  if (held != stage_.database.locked.end() && held->second != this)
    return fail(Code::kRetry, "another transaction holds the row");
  if (in_transaction_) stage_.database.locked[key] = this;
  return {};
}

// A row that is not there can't be locked.
Result<std::optional<eventlog::Offset>> MemoryTables::place(eventlog::TopicPartition of) {
  FRESHET_TRY(call("place"));
  const auto found = stage_.database.places.find({sink_, of});
  if (found == stage_.database.places.end()) return std::nullopt;
  FRESHET_TRY(lock(found->first));
  return found->second;
}

Status MemoryTables::begin_place(eventlog::TopicPartition of, eventlog::Offset from) {
  FRESHET_TRY(call("begin place"));
  stage_.database.places.try_emplace({sink_, of}, from);
  return call("place begun");
}

Status MemoryTables::set_place(eventlog::TopicPartition of, eventlog::Offset next) {
  FRESHET_TRY(call("set place"));
  FRESHET_TRY(lock({sink_, of}));
  places_[{sink_, of}] = next;
  return {};
}

Status MemoryTables::write_events(const std::string& rows) {
  FRESHET_TRY(call("write events"));
  stage_.database.readers_of_erased.insert(this);
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(rows);
  const simdjson::dom::array all = parser.parse(padded).get_array().value();
  for (const simdjson::dom::element row : all) {
    const EventRow event{text_in(row, "user_profile"), number_in(row["properties"].value(), "n")};
    if (stage_.database.erased.contains(event.user)) continue;
    events_[{static_cast<uint32_t>(number_in(row, "log_partition")), number_in(row, "log_offset")}] = event;
  }
  return {};
}

Status MemoryTables::write_profiles(const std::string& rows) {
  FRESHET_TRY(call("write profiles"));
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(rows);
  const simdjson::dom::array all = parser.parse(padded).get_array().value();
  for (const simdjson::dom::element row : all)
    profiles_[text_in(row, "id")] = ProfileRow{static_cast<uint64_t>(number_in(row, "version")), text_in(row, "state"),
                                               simdjson::minify(row["profile"].value())};
  return {};
}

// It sees what is committed, and what this transaction has written.
Status MemoryTables::remove_profiles(const std::string& ids) {
  FRESHET_TRY(call("remove profiles"));
  for (const std::string& id : texts_of(ids))
    if (stage_.database.profiles.contains(id) || profiles_.contains(id)) profiles_[id] = std::nullopt;
  return {};
}

Status MemoryTables::note_erased(const std::vector<std::string>& ids) {
  FRESHET_TRY(call("note erased"));
  erased_.insert(ids.begin(), ids.end());
  return {};
}

Status MemoryTables::settle_erased() {
  FRESHET_TRY(call("settle erased"));
  for (const MemoryTables* const reader : stage_.database.readers_of_erased)
    if (reader != this) return fail(Code::kRetry, "another transaction has read the table");
  return {};
}

Result<std::vector<std::string>> MemoryTables::parts() {
  FRESHET_TRY(call("parts"));
  return std::vector<std::string>{"events"};
}

Result<uint64_t> MemoryTables::delete_events(const std::string&, const std::vector<std::string>& ids) {
  FRESHET_TRY(call("delete events"));
  const std::set<std::string> gone(ids.begin(), ids.end());
  uint64_t count = 0;
  for (auto at = stage_.database.events.begin(); at != stage_.database.events.end() && count < kErasedInStep;) {
    if (!gone.contains(at->second.user)) {
      ++at;
      continue;
    }
    at = stage_.database.events.erase(at);
    ++count;
  }
  return count;
}

Result<sinks::SqlRows> MemoryTables::read_profiles(const std::string& ids) {
  FRESHET_TRY(call("read profiles"));
  sinks::SqlRows out;
  for (const std::string& id : texts_of(ids))
    if (const auto row = stage_.database.profiles.find(id); row != stage_.database.profiles.end())
      out.push_back({id, row->second.state});
  return out;
}

// ---- the webhook ----------------------------------------------------------------------------------------------------

namespace {

class ReceiverClient final : public http::Client {
 public:
  explicit ReceiverClient(SinkStage& stage) : stage_(stage) {}
  Result<http::Response> send(const http::Request& request) override {
    FRESHET_TRY(stage_.at_call("post"));
    http::Response response;
    const std::string id(request.header("webhook-id"));
    const int64_t seconds = std::stoll(std::string(request.header("webhook-timestamp")));
    require(request.header("webhook-signature") == sinks::signature_of("secret", id, seconds, request.body),
            "a request is not signed as it must be");
    response.status = is_poison(request.body) ? 422 : stage_.hook_status();
    if (response.status == 200) stage_.deliveries.push_back({id, request.body});
    if (stage_.loses_answer()) return fail(Code::kRetry, "no answer to a request");
    FRESHET_TRY(stage_.at_call("posted"));
    return response;
  }

 private:
  static bool is_poison(const std::string& body) {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(body);
    const simdjson::dom::element event = parser.parse(padded);
    return number_in(event["properties"].value(), "n") % kPoisonEvery == 0;
  }
  SinkStage& stage_;
};

}  // namespace

// ---- all of them ----------------------------------------------------------------------------------------------------

namespace {

sinks::StateTarget state_target(SinkStage& stage) {
  sinks::StateTarget target;
  target.topic = kStatesTopic;
  target.partitions = kSinkPartitions;
  target.admin = stage.states.admin();
  target.open_reader = [&stage] { return Result<std::unique_ptr<cluster::Reader>>(stage.states.reader()); };
  target.open_writer = [&stage](const std::string& id) -> Result<std::unique_ptr<cluster::Writer>> {
    auto writer = stage.states.writer(id);
    FRESHET_TRY(writer->settle());
    return writer;
  };
  return target;
}

}  // namespace

Result<std::unique_ptr<sinks::Sink>> open_sink(SinkStage& stage, const std::shared_ptr<kv::MemoryDisk>& disk,
                                               const sinks::Around& around) {
  switch (around.sink.kind) {
    case model::SinkKind::kFiles:
      return sinks::make_files(around, std::make_unique<objectstore::SharedStore>(stage.lake));
    case model::SinkKind::kWebhook:
      return sinks::open_webhook_over(around, [&stage](const std::string&, const http::ClientOptions&) {
        return Result<std::unique_ptr<http::Client>>(std::make_unique<ReceiverClient>(stage));
      });
    case model::SinkKind::kPostgres:
      return sinks::open_postgres_on(around,
                                     [&stage, name = around.sink.name]() -> Result<std::unique_ptr<sinks::SinkTables>> {
                                       FRESHET_TRY(stage.at_call("connect"));
                                       return std::make_unique<MemoryTables>(stage, name);
                                     });
    case model::SinkKind::kTopic: break;
  }
  return sinks::open_topic_on(around, state_target(stage), [disk]() -> Result<std::unique_ptr<sinks::StateTable>> {
    return std::make_unique<sinks::StateTable>(kv::open_memory(disk, {}));
  });
}

}  // namespace freshet::sim
