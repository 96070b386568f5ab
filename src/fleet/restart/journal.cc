// The journal is small, and written whole each time: two writes for each broker.
#include "fleet/restart/journal.h"

#include <simdjson.h>

#include <algorithm>

#include "base/json_writer.h"
#include "fleet/journal_text.h"

namespace freshet::fleet::restart {
namespace {

namespace dom = simdjson::dom;

constexpr int64_t kVersion = 1;

// A name that is not known is damage: to guess a stage would be to restart a broker twice, or never.
template <class E>
E named(const dom::element& value) {
  const auto out = parse_name<E>(std::string_view(value));
  if (!out) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
  return *out;
}

JournalBroker broker_from(const dom::element& value) {
  JournalBroker out;
  out.broker.id = static_cast<int32_t>(int64_t{value["id"]});
  out.broker.host = std::string(std::string_view(value["host"]));
  out.broker.port = static_cast<uint16_t>(uint64_t{value["port"]});
  out.broker.rack = std::string(std::string_view(value["rack"]));
  out.stage = named<Stage>(value["stage"]);
  return out;
}

Journal journal_from(const dom::element& value) {
  Journal journal;
  journal.cluster_id = std::string(std::string_view(value["cluster_id"]));
  journal.outcome = named<Outcome>(value["outcome"]);
  for (const dom::element one : dom::array(value["brokers"])) journal.brokers.push_back(broker_from(one));
  return journal;
}

}  // namespace

size_t Journal::done() const {
  return static_cast<size_t>(std::ranges::count(brokers, Stage::kDone, &JournalBroker::stage));
}

std::string to_json(const Journal& journal) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("version", kVersion).member("cluster_id", journal.cluster_id);
  json.member("outcome", name_of(journal.outcome)).key("brokers");
  json.array(journal.brokers, [](JsonWriter& list, const JournalBroker& one) {
    list.begin_object().member("id", one.broker.id).member("host", one.broker.host).member("port", one.broker.port);
    list.member("rack", one.broker.rack).member("stage", name_of(one.stage)).end_object();
  });
  json.end_object();
  return out;
}

Result<Journal> journal_from_json(const std::string& text) { return read_journal_text(text, kVersion, &journal_from); }

}  // namespace freshet::fleet::restart
