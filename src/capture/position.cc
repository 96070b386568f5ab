#include "capture/position.h"

#include <simdjson.h>

#include "base/json_writer.h"
#include "cluster/stream/scan.h"

namespace freshet::capture {
namespace {

constexpr env::TimeUs kSilenceUs = 30'000'000;
constexpr int64_t kPositionVersion = 1;

// Every key must be there: a position that is understood by half would begin at the wrong place.
Result<Position> read_fields(const simdjson::dom::element& root) {
  const auto wrong = [](const char* what) { return fail(Code::kCorrupt, std::string("a position: ") + what); };
  Position out;
  int64_t version = 0;
  std::string_view text;
  simdjson::dom::array list;
  if (root["v"].get(version) != simdjson::SUCCESS || version != kPositionVersion)
    return wrong("it is of another version than 1: a newer release has written it");
  if (root["at"].get(text) != simdjson::SUCCESS) return wrong("it says no place");
  out.at = text;
  if (root["known"].get(list) != simdjson::SUCCESS) return wrong("it names no collections");
  for (const auto& one : list) {
    if (one.get(text) != simdjson::SUCCESS) return wrong("a collection has no name");
    out.known.emplace(text);
  }
  if (root["todo"].get(list) != simdjson::SUCCESS) return wrong("it does not say what is left to do");
  for (const auto& one : list) {
    Todo& todo = out.todo.emplace_back();
    if (one["collection"].get(text) != simdjson::SUCCESS) return wrong("something to do is of no collection");
    todo.collection = text;
    if (one["sweep"].get(todo.sweep) != simdjson::SUCCESS || one["snapshot"].get(todo.snapshot) != simdjson::SUCCESS)
      return wrong("it does not say what is left to do");
    if (one["after"].get(text) == simdjson::SUCCESS) todo.after = text;
  }
  return out;
}

}  // namespace

std::string encode(const Position& position) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", kPositionVersion).member("at", position.at);
  json.key("known").array(position.known, [](JsonWriter& to, const std::string& name) { to.value(name); });
  json.key("todo").array(position.todo, [](JsonWriter& to, const Todo& todo) {
    to.begin_object().member("collection", todo.collection).member("sweep", todo.sweep);
    to.member("snapshot", todo.snapshot);
    if (!todo.after.empty()) to.member("after", todo.after);
    to.end_object();
  });
  json.end_object();
  return out;
}

Result<Position> decode_position(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const simdjson::padded_string padded(text);
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return fail(Code::kCorrupt, "a position: it is no JSON");
  return read_fields(root);
}

// Compaction keeps the last one; what it has not removed yet is read over.
Result<std::optional<Position>> read_position(const Config& config, cluster::Admin& admin,
                                              const OpenReader& open_reader, env::Clock& clock) {
  const std::string topic = position_topic(config);
  const std::vector<cluster::PartitionRef> of = {{topic, 0}};
  FRESHET_ASSIGN(const auto first, offsets_of(admin, of, cluster::OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto end, settled_ends(admin, of, clock, kSilenceUs));
  std::string newest;
  if (first[0] < end[0]) {
    FRESHET_ASSIGN(const auto reader, open_reader());
    FRESHET_TRY(cluster::scan(*reader, topic, {{0, first[0], end[0]}}, kSilenceUs,
                              [&](int32_t, const cluster::Record& record) { newest = record.value.value_or(""); }));
  }
  if (newest.empty()) return std::optional<Position>();
  auto position = decode_position(newest);
  if (!position)
    return fail(Code::kFatal,
                "topic " + topic + ": " + position.error().message + ": --snapshot begins anew, from all documents");
  return std::optional<Position>(*std::move(position));
}

}  // namespace freshet::capture
