// Histories: kept in the entity, shown in its document as one JSON text. Nothing else in the product reads them.
#include "action/events/history.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "action/events/sorted.h"
#include "base/json_writer.h"
#include "model/entity_ref.h"
#include "model/packed_state.h"
#include "model/time.h"

namespace freshet::action {
namespace {

constexpr size_t kEntryJsonBytes = 256;  // Most entries are smaller.

std::string_view word_of(v1::HistoryEntry::What what) {
  switch (what) {
    case v1::HistoryEntry::CREATED: return "created";
    case v1::HistoryEntry::LINKED: return "linked";
    case v1::HistoryEntry::MERGED: return "merged";
    case v1::HistoryEntry::MOVED: return "moved";
    case v1::HistoryEntry::REFUSED: return "refused";
    case v1::HistoryEntry::UNLINKED: return "unlinked";
    default: return "unknown";
  }
}

bool has_identifier(const v1::EntityState& entity, const v1::Identifier& identifier) {
  using Key = std::pair<std::string_view, std::string_view>;
  const auto key_of = [](const v1::IdentifierUse& i) { return Key{i.identifier().type(), i.identifier().value()}; };
  const Key wanted{identifier.type(), identifier.value()};
  const int at = lower_bound_of(entity.identifiers(), wanted, key_of);
  return at < entity.identifiers_size() && key_of(entity.identifiers(at)) == wanted;
}

void write_entry(JsonWriter& json, const v1::EntityState& entity, const v1::HistoryEntry& entry) {
  json.begin_object().member("what", word_of(entry.what()));
  // An address that was taken from the profile may be somebody else's by now: it is told only while the profile lists
  // it.
  if (entry.has_identifier()) {
    json.member("type", entry.identifier().type());
    if (has_identifier(entity, entry.identifier())) json.member("value", entry.identifier().value());
  }
  if (entry.has_other()) json.member("profile", model::from_proto(entry.other()).id.hex());
  if (!entry.reason().empty()) json.member("reason", entry.reason());
  json.member("message_id", entry.use().message_id());
  json.member("timestamp", model::format_time(entry.use().time_us()));
  json.member("received_at", model::format_time(entry.received_at_us()));
  json.end_object();
}

}  // namespace

void add_history(v1::EntityState& entity, v1::HistoryEntry&& entry) {
  model::unpack(entity);
  auto& history = *entity.mutable_history();
  int at = history.size();  // Entries come nearly in order, so their place is sought from the end.
  while (at > 0 && history[at - 1].received_at_us() > entry.received_at_us()) --at;
  insert_at(history, at) = std::move(entry);
  if (history.size() > kHistoryEntriesMax) history.erase(history.begin() + 1);
}

void absorb_history(v1::EntityState& entity, const v1::EntityState& from) {
  for (const v1::HistoryEntry& entry : from.history()) add_history(entity, v1::HistoryEntry(entry));
}

v1::Value history_value(v1::EntityState& entity) {
  model::unpack(entity);
  v1::Value value;
  std::string& text = *value.mutable_json();
  text.reserve(2 + static_cast<size_t>(entity.history_size()) * kEntryJsonBytes);
  JsonWriter json(text);
  json.begin_array();
  for (const v1::HistoryEntry& entry : entity.history()) write_entry(json, entity, entry);
  json.end_array();
  return value;
}

}  // namespace freshet::action
