// Every sink reads all records of its topic, of all tenants, so what is not for it has to be told apart cheaply.
#include "sinks/selector.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "freshet/v1/event.pb.h"
#include "model/document.h"
#include "model/filter.h"
#include "model/time.h"

namespace freshet::sinks {
namespace {

using Filter = v1::ComputedRule::Filter;

constexpr std::string_view kEnriched = "enriched.";

std::optional<v1::Value> value_of(const simdjson::dom::element& element) {
  v1::Value value;
  switch (element.type()) {
    case simdjson::dom::element_type::STRING: value.set_text(std::string(element.get_string().value_unsafe())); break;
    case simdjson::dom::element_type::BOOL: value.set_boolean(element.get_bool().value_unsafe()); break;
    case simdjson::dom::element_type::INT64: value.set_integer(element.get_int64().value_unsafe()); break;
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE: value.set_number(element.get_double().value_unsafe()); break;
    case simdjson::dom::element_type::NULL_VALUE: return std::nullopt;
    default: value.set_json("{}"); break;  // It is there, and equals nothing that a file can say.
  }
  return value;
}

std::optional<v1::Value> find_in(const simdjson::dom::element& event, std::string_view section, std::string_view name) {
  simdjson::dom::element found;
  if (event[section][name].get(found) != simdjson::SUCCESS) return std::nullopt;
  return value_of(found);
}

bool event_passes(const simdjson::dom::element& event, const Filter& filter) {
  std::string_view name = filter.property();
  const bool enriched = name.starts_with(kEnriched);
  if (enriched) name.remove_prefix(kEnriched.size());
  return model::passes(filter, find_in(event, enriched ? "enriched" : "properties", name));
}

// The last op of the change on what is named; null: it says nothing of it.
const v1::ChangeOp* op_on(const v1::Change& change, v1::Section section, std::string_view name) {
  const v1::ChangeOp* last = nullptr;
  for (const v1::ChangeOp& op : change.ops())
    if (op.section() == section && op.name() == name) last = &op;
  return last;
}

}  // namespace

struct Selector::Parser {
  simdjson::dom::parser json;
  v1::Change change;
};

Selector::Selector(const Around& around)
    : tenant_(around.tenant),
      sink_(around.sink),
      read_profile_(around.read_profile),
      parser_(std::make_unique<Parser>()) {}
Selector::~Selector() = default;

Result<std::optional<Item>> Selector::pick(eventlog::Topic topic, const eventlog::RecordView& record) {
  // Most records of others are told apart by this alone; and what was forgotten has no value.
  if (record.value.find(tenant_) == std::string_view::npos) return std::nullopt;
  if (topic == eventlog::Topic::kDeadLetters) return pick_erasure(record);
  if (sink_.on == model::SinkOn::kEvents) return pick_event(record);
  return pick_change(record);
}

std::optional<Item> Selector::pick_event(const eventlog::RecordView& record) {
  simdjson::dom::element event;
  std::string_view text;
  if (parser_->json.parse(record.value.data(), record.value.size()).get(event) != simdjson::SUCCESS)
    return std::nullopt;
  if (event["tenant"].get_string().get(text) != simdjson::SUCCESS || text != tenant_) return std::nullopt;
  if (!sink_.event.empty() && (event["event"].get_string().get(text) != simdjson::SUCCESS || text != sink_.event))
    return std::nullopt;
  const auto& filters = sink_.where.where();
  if (!std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) { return event_passes(event, filter); }))
    return std::nullopt;
  Item item{record.offset, 0, std::string(record.key), std::string(record.value)};
  if (event["received_at"].get_string().get(text) == simdjson::SUCCESS)
    item.received_at_us = model::parse_time(text).value_or(0);
  return item;
}

// One that nobody was found for, or that lets somebody come back, names no profile.
std::optional<Item> Selector::pick_erasure(const eventlog::RecordView& record) const {
  v1::DeadLetter letter;
  v1::ErasureNotice notice;
  if (!letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())) ||
      letter.tenant() != tenant_ || letter.body_type() != v1::DeadLetter::ERASURE_NOTICE ||
      !notice.ParseFromString(letter.body()) || notice.lifted() || notice.id().size() != sizeof(Hash128))
    return std::nullopt;
  return Item{record.offset, letter.received_at_us(), std::string(record.key), letter.body()};
}

Result<std::optional<Item>> Selector::pick_change(const eventlog::RecordView& record) {
  v1::Change& change = parser_->change;
  if (!change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())) || change.tenant() != tenant_)
    return std::nullopt;
  Item item{record.offset, change.received_at_us(), std::string(record.key), std::string(record.value)};
  // Without these nobody could look the profile up, or tell which of two changes comes first.
  if (change.id().size() != sizeof(Hash128) || change.version() == 0) {
    item.problem = "the record is not a change with an id of 16 bytes and a version";
    return item;
  }
  FRESHET_ASSIGN(const bool met, meets(change, record.offset));
  if (!met) return std::nullopt;
  return item;
}

// Changes name what they set. A test on something that this change does not name can neither begin nor end to pass by
// it, so one at least must be named; the others are looked up.
Result<bool> Selector::meets(const v1::Change& change, eventlog::Offset offset) {
  const auto& filters = sink_.where.where();
  if (filters.empty()) return true;
  if (change.remove()) return false;  // Nothing is left that could pass.
  bool touched = false;
  std::vector<const Filter*> others;
  for (const Filter& filter : filters) {
    const auto [section, name] = model::part_named(filter.property());
    const v1::ChangeOp* const op = op_on(change, section, name);
    if (op == nullptr && !change.whole()) {
      others.push_back(&filter);
      continue;
    }
    const bool there = op != nullptr && op->type() != v1::ChangeOp::UNSET && op->has_value();
    if (!model::passes(filter, there ? std::optional(op->value()) : std::nullopt)) return false;
    touched = true;
  }
  if (!touched) return false;
  if (others.empty()) return true;
  if (!read_profile_) return false;
  FRESHET_ASSIGN(const auto document, read_profile_(change, {}, offset, ProfileAs::kAnyhow));
  return std::all_of(others.begin(), others.end(), [&](const Filter* filter) {
    const auto [section, name] = model::part_named(filter->property());
    const v1::Value* const value = document ? model::find_field(*document, section, name) : nullptr;
    return model::passes(*filter, value != nullptr ? std::optional(*value) : std::nullopt);
  });
}

}  // namespace freshet::sinks
