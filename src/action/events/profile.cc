// From a record to the edited profile, and from what was edited to the operations of a Change and to enriched events.
// All that is kept of a profile commutes: first and last times are minimum and maximum, counts and sums are added,
// attributes go by their own time. So profiles that are merged late end like those that were one from the beginning.
#include "action/events/profile.h"

#include <algorithm>
#include <string>
#include <vector>

#include "action/events/attributes.h"
#include "action/events/audiences.h"
#include "action/events/built_in.h"
#include "action/events/history.h"
#include "action/events/push_token.h"
#include "action/events/sorted.h"
#include "base/assert.h"
#include "base/json_writer.h"
#include "base/mutant.h"
#include "base/text.h"
#include "model/entity_ref.h"
#include "model/identifier.h"
#include "model/json.h"
#include "model/packed_state.h"
#include "model/time.h"

namespace freshet::action {
namespace {

std::string hex_id(const v1::EntityRef& ref) { return model::from_proto(ref).id.hex(); }

void set_times(v1::EntityState& entity, int64_t time_us, Touched& touched) {
  if (entity.first_seen_us() == 0 || time_us < entity.first_seen_us()) {
    entity.set_first_seen_us(time_us);
    touched.add(v1::FIRST_SEEN);
  }
  if (time_us > entity.last_seen_us()) {
    entity.set_last_seen_us(time_us);
    touched.add(v1::LAST_SEEN);
  }
}

void add_stats(v1::EventStats& stats, uint64_t count, int64_t first_us, int64_t last_us) {
  stats.set_first_us(stats.count() == 0 ? first_us : std::min(stats.first_us(), first_us));
  stats.set_last_us(std::max(stats.last_us(), last_us));
  stats.set_count(stats.count() + count);
}

bool matches(v1::AttributeOp::Match match, std::string_view pattern, std::string_view subject) {
  switch (match) {
    case v1::AttributeOp::PREFIX: return subject.starts_with(pattern);
    case v1::AttributeOp::SUFFIX: return subject.ends_with(pattern);
    case v1::AttributeOp::CONTAINS: return subject.find(pattern) != std::string_view::npos;
    default: return subject == pattern;
  }
}

// The names that an UNSET_MATCHING is about, in order, each once. What is unset already, and not before, is left out:
// a record of many patterns would write all of it for each of them.
std::vector<std::string> names_matching(v1::EntityState& entity, const v1::AttributeOp& op, const v1::Use& use) {
  model::unpack(entity);
  const std::string pattern = op.ignore_case() ? lower_case(op.name()) : op.name();
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (matches(op.match(), pattern, op.ignore_case() ? lower_case(name) : name)) names.push_back(name);
  };
  for (const v1::Register& r : entity.attributes())
    if (r.has_value() || earlier(r.use(), use)) add(r.name());
  for (const v1::ElementSet& s : entity.sets())
    if (find_named(entity.attributes(), s.name()) == nullptr) add(s.name());
  std::sort(names.begin(), names.end());
  FRESHET_ASSERT(std::adjacent_find(names.begin(), names.end()) == names.end());
  return names;
}

void apply_attribute(v1::EntityState& entity, const v1::AttributeOp& op, const v1::Use& use, const Tenant& tenant,
                     Touched& touched) {
  if (tenant.knows_activity) apply_built_in_attribute(entity, op, use, tenant, touched);
  const auto write = [&](std::string_view name, const v1::Value* value) {
    if (write_register(entity, name, value, use)) touched.add(v1::ATTRIBUTES, name);
  };
  const auto elements = [&](bool removed) {
    for (const v1::Value& value : op.elements()) {
      switch (write_element(entity, op.name(), value, removed, use, tenant.rules.set_elements_max())) {
        case Wrote::kNothing: break;
        case Wrote::kElement: touched.add_element(op.name(), value); break;
        case Wrote::kSpelling: touched.add(v1::ATTRIBUTES, op.name()); break;
      }
    }
  };
  switch (op.type()) {
    case v1::AttributeOp::SET: write(op.name(), &op.value()); break;
    case v1::AttributeOp::UNSET: write(op.name(), nullptr); break;
    case v1::AttributeOp::ADD_TO_SET: elements(false); break;
    case v1::AttributeOp::REMOVE_FROM_SET: elements(true); break;
    case v1::AttributeOp::UNSET_MATCHING:
      for (const std::string& name : names_matching(entity, op, use)) write(name, nullptr);
      break;
    default: break;
  }
}

void count_event(v1::EntityState& entity, const v1::Event& event, const v1::Use& use, const Tenant& tenant,
                 PropertyReader& properties, Touched& touched) {
  bool made = false;
  v1::NamedStats& named = find_or_add_named(*entity.mutable_events(), event.name(), &made);
  add_stats(*named.mutable_stats(), 1, event.time_us(), event.time_us());
  touched.add(v1::EVENTS, event.name());
  if (tenant.knows_activity) apply_built_in_event(entity, event, use, tenant, touched);
  const auto rules = tenant.computed_of_event.find(event.name());
  if (rules == tenant.computed_of_event.end()) return;
  properties.open(event.properties());
  for (const ComputedAttribute* attribute : rules->second)
    if (accumulate(entity, tenant, *attribute, use, properties)) {
      touched.add(v1::COMPUTED, attribute->rule.name());
      touched.add(v1::COMPUTED_SINCE, attribute->rule.name());
    }
}

v1::ChangeOp& add_op(v1::Change& change, v1::ChangeOp::Type type, v1::Section section, std::string_view name) {
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(type);
  op.set_section(section);
  if (!name.empty()) op.set_name(std::string(name));
  return op;
}

// All values of a type are said at once: a reader's list has the one first that the last explicit merge named, then
// the others by value.
void put_identifiers(const v1::EntityState& entity, std::string_view type, v1::Change& change) {
  std::vector<std::string_view> values;
  const v1::Identifier& first = entity.listed_first();
  for (const v1::IdentifierUse& i : entity.identifiers())
    if (i.identifier().type() == type) {
      const bool leads = first.type() == type && first.value() == i.identifier().value();
      values.insert(leads ? values.begin() : values.end(), i.identifier().value());
    }
  if (values.empty()) {
    add_op(change, v1::ChangeOp::UNSET, v1::IDENTIFIERS, type);
    return;
  }
  v1::ValueList& list = *add_op(change, v1::ChangeOp::SET, v1::IDENTIFIERS, type).mutable_value()->mutable_list();
  for (const std::string_view value : values) list.add_values()->set_text(std::string(value));
}

void put_refs(const google::protobuf::RepeatedPtrField<v1::EntityRef>& refs, v1::Section section, v1::Change& change) {
  v1::ValueList& list = *add_op(change, v1::ChangeOp::SET, section, {}).mutable_value()->mutable_list();
  for (const v1::EntityRef& ref : refs) list.add_values()->set_text(hex_id(ref));
}

// Says one more merged profile, where other lists are said as a whole: who has merged a thousand profiles need not
// tell of all of them each time. REQUIRES: called in the order of ids.
void put_merged(std::string_view id_hex, v1::Change& change) {
  const bool goes_on = !change.ops().empty() && change.ops().rbegin()->section() == v1::MERGED_FROM;
  v1::ChangeOp& op =
      goes_on ? *change.mutable_ops()->rbegin() : add_op(change, v1::ChangeOp::ADD_TO_SET, v1::MERGED_FROM, {});
  v1::ValueList& ids = *op.mutable_value()->mutable_list();
  FRESHET_ASSERT(ids.values().empty() || ids.values().rbegin()->text() < id_hex);
  ids.add_values()->set_text(std::string(id_hex));
}

// An attribute that the rules no longer declare, or declare otherwise, is unset: its old number means something else.
void put_computed(const v1::EntityState& entity, const Tenant& tenant, v1::Section section, const std::string& name,
                  v1::Change& change) {
  const v1::Computed* computed = find_named(entity.computed(), name);
  const ComputedAttribute* attribute = tenant.find_computed(name);
  std::optional<v1::Value> value;
  if (computed != nullptr && attribute != nullptr) value = computed_value(*computed, *attribute);
  if (!value) {
    add_op(change, v1::ChangeOp::UNSET, section, name);
  } else if (section == v1::COMPUTED) {
    *add_op(change, v1::ChangeOp::SET, section, name).mutable_value() = std::move(*value);
  } else {
    add_op(change, v1::ChangeOp::SET, section, name).mutable_value()->set_time_us(computed->since_us());
  }
}

void put_built_in(const v1::EntityState& entity, v1::Section section, const std::string& name, v1::Change& change) {
  if (std::optional<v1::Value> value = built_in_value(entity, section, name)) {
    *add_op(change, v1::ChangeOp::SET, section, name).mutable_value() = std::move(*value);
  } else {
    add_op(change, v1::ChangeOp::UNSET, section, name);
  }
}

void put_audience(const v1::EntityState& entity, const std::string& name, v1::Change& change) {
  if (std::optional<v1::Value> value = audience_value(entity, name)) {
    *add_op(change, v1::ChangeOp::SET, v1::AUDIENCES, name).mutable_value() = std::move(*value);
  } else {
    add_op(change, v1::ChangeOp::UNSET, v1::AUDIENCES, name);
  }
}

void put_part(v1::EntityState& entity, const Tenant& tenant, v1::Section section, const std::string& name,
              v1::Change& change) {
  switch (section) {
    case v1::IDENTIFIERS: put_identifiers(entity, name, change); break;
    case v1::ATTRIBUTES:
      if (std::optional<v1::Value> value = visible_attribute(entity, name)) {
        *add_op(change, v1::ChangeOp::SET, section, name).mutable_value() = std::move(*value);
      } else {
        add_op(change, v1::ChangeOp::UNSET, section, name);
      }
      break;
    case v1::DEVICES:
    case v1::USERS: put_refs(entity.attached(), section, change); break;
    case v1::EVENTS:
      if (const v1::NamedStats* named = find_named(entity.events(), name))
        *add_op(change, v1::ChangeOp::SET, section, name).mutable_value()->mutable_stats() = named->stats();
      break;
    case v1::COMPUTED:
    case v1::COMPUTED_SINCE: put_computed(entity, tenant, section, name, change); break;
    case v1::FIRST_SEEN:
      add_op(change, v1::ChangeOp::SET, section, {}).mutable_value()->set_time_us(entity.first_seen_us());
      break;
    case v1::LAST_SEEN:
      add_op(change, v1::ChangeOp::SET, section, {}).mutable_value()->set_time_us(entity.last_seen_us());
      break;
    case v1::MERGED_FROM: put_merged(name, change); break;
    case v1::HISTORY: *add_op(change, v1::ChangeOp::SET, section, {}).mutable_value() = history_value(entity); break;
    case v1::SESSIONS:
    case v1::SUBSCRIPTIONS:
    case v1::PUSH_TOKEN:
      if (tenant.knows_activity) put_built_in(entity, section, name, change);
      break;
    case v1::AUDIENCES: put_audience(entity, name, change); break;
    default: FRESHET_ASSERT(false && "every section is handled");
  }
}

}  // namespace

// ---- what changed -------------------------------------------------------------------------------------------------

// A part may be noted many times, and describe() says it once: were it looked for here, a record of a thousand
// attributes would make a million comparisons.
void Touched::add(v1::Section section, std::string_view name) {
  some_ = true;
  if (!all_ && named_) push(section, name).element.reset();
}

void Touched::add_element(std::string_view attribute, const v1::Value& value) {
  some_ = true;
  if (!all_ && named_) push(v1::ATTRIBUTES, attribute).element = value;
}

Touched::Part& Touched::push(v1::Section section, std::string_view name) {
  if (count_ == parts_.size()) parts_.emplace_back();
  Part& part = parts_[count_++];
  part.section = section;
  part.name.assign(name);
  return part;
}

int Touched::compare_names(const Part& a, const Part& b) {
  if (a.section != b.section) return a.section < b.section ? -1 : 1;
  return a.name.compare(b.name);
}

void Touched::clear(bool named) {
  count_ = 0;
  named_ = named;
  some_ = all_ = false;
}

void Touched::add_parts_of(v1::EntityState& part, v1::EntityKind kind) {
  for (const v1::IdentifierUse& i : part.identifiers()) add(v1::IDENTIFIERS, i.identifier().type());
  for (const std::string& name : attribute_names(part)) add(v1::ATTRIBUTES, name);
  if (part.attached_size() > 0) add(kind == v1::ENTITY_KIND_DEVICE ? v1::USERS : v1::DEVICES, {});
  for (const v1::NamedStats& e : part.events()) add(v1::EVENTS, e.name());
  for (const v1::Computed& c : part.computed()) {
    add(v1::COMPUTED, c.name());
    add(v1::COMPUTED_SINCE, c.name());
  }
  if (part.first_seen_us() != 0) add(v1::FIRST_SEEN, {});
  if (part.last_seen_us() != 0) add(v1::LAST_SEEN, {});
  for (const v1::EntityRef& ref : part.merged()) add(v1::MERGED_FROM, named_ ? hex_id(ref) : std::string());
  if (part.history_size() > 0) add(v1::HISTORY, {});
  for (const v1::Membership& m : part.audiences()) add(v1::AUDIENCES, m.name());
  touch_built_in(part, kind, *this);
}

void Touched::describe(v1::EntityState& entity, const Tenant& tenant, v1::Change& change) {
  FRESHET_ASSERT(change.ops().empty() && named_);
  if (all_) {
    clear();
    add_parts_of(entity, entity.ref().kind());
    change.set_whole(true);
  } else if (entity.ref().kind() == v1::ENTITY_KIND_DEVICE && !FRESHET_MUTANT(kTokenMoveUntold) &&
             std::any_of(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count_),
                         [](const Part& part) { return part.section == v1::IDENTIFIERS && part.name == kPushToken; })) {
    touch_push_token(*this);  // A token came, or went to another device.
  }
  std::sort(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count_), [](const Part& a, const Part& b) {
    if (const int order = compare_names(a, b); order != 0) return order < 0;
    if (!a.element || !b.element) return !a.element && b.element;
    return model::compare_values(*a.element, *b.element) < 0;
  });
  for (size_t begin = 0, end = 0; begin < count_; begin = end) {
    while (end < count_ && compare_names(parts_[begin], parts_[end]) == 0) ++end;
    const Part& first = parts_[begin];
    if (first.element && is_plain_set(entity, first.name)) {
      put_elements(entity, begin, end, change);
    } else {
      put_part(entity, tenant, first.section, first.name, change);
    }
  }
}

// Of equal elements in [begin, end) the first one speaks for all.
void Touched::put_elements(v1::EntityState& entity, size_t begin, size_t end, v1::Change& change) const {
  FRESHET_ASSERT(begin < end && parts_[begin].section == v1::ATTRIBUTES);
  const std::string& name = parts_[begin].name;
  v1::ValueList added, removed;
  for (size_t i = begin; i < end; ++i) {
    const v1::Value& value = *parts_[i].element;
    if (i > begin && model::compare_values(*parts_[i - 1].element, value) == 0) continue;
    *(has_element(entity, name, value) ? added : removed).add_values() = value;
  }
  const auto put = [&](v1::ChangeOp::Type type, v1::ValueList& list) {
    if (!list.values().empty()) add_op(change, type, v1::ATTRIBUTES, name).mutable_value()->mutable_list()->Swap(&list);
  };
  put(v1::ChangeOp::ADD_TO_SET, added);
  put(v1::ChangeOp::REMOVE_FROM_SET, removed);
}

// ---- records ------------------------------------------------------------------------------------------------------

void apply_record(v1::EntityState& entity, const v1::Envelope& record, const Tenant& tenant, PropertyReader& properties,
                  Touched& touched) {
  const bool device = entity.ref().kind() == v1::ENTITY_KIND_DEVICE;
  thread_local v1::Use use;  // Only for the memory of its message id, which would be an allocation for each record.
  use.set_time_us(record.time_us());
  use.set_message_id(record.message_id());
  properties.keep_digits(tenant.keeps_digits);
  for (const v1::AttributeOp& op : device ? record.device_attributes() : record.attributes())
    apply_attribute(entity, op, use, tenant, touched);
  if (tenant.knows_activity) apply_built_in_record(entity, record, touched);
  set_times(entity, record.time_us(), touched);
  for (const v1::Event& event : record.events()) {
    use.set_time_us(event.time_us());
    count_event(entity, event, use, tenant, properties, touched);
    set_times(entity, event.time_us(), touched);
  }
}

void absorb_profile(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant) {
  // A profile that took itself in would count everything twice.
  FRESHET_ASSERT(!from.has_ref() || !(model::from_proto(from.ref()) == model::from_proto(entity.ref())));
  absorb_attributes(entity, from, tenant.rules.set_elements_max());
  for (const v1::NamedStats& theirs : from.events()) {
    bool made = false;
    v1::NamedStats& mine = find_or_add_named(*entity.mutable_events(), theirs.name(), &made);
    add_stats(*mine.mutable_stats(), theirs.stats().count(), theirs.stats().first_us(), theirs.stats().last_us());
  }
  absorb_computed(entity, from, tenant);
  absorb_built_in(entity, from, tenant);
  absorb_audiences(entity, from, tenant);
  const bool sooner = from.first_seen_us() < entity.first_seen_us() && !FRESHET_MUTANT(kFirstSeenOfSurvivor);
  if (from.first_seen_us() != 0 && (entity.first_seen_us() == 0 || sooner))
    entity.set_first_seen_us(from.first_seen_us());
  entity.set_last_seen_us(std::max(entity.last_seen_us(), from.last_seen_us()));
  entity.set_messages(entity.messages() + from.messages());
}

// ---- enriched events ----------------------------------------------------------------------------------------------

namespace {

// What an event is enriched with: the attribute of that name, or else the first identifier of that type.
std::optional<v1::Value> enriching_value(v1::EntityState& entity, std::string_view name) {
  if (std::optional<v1::Value> value = visible_attribute(entity, name)) return value;
  for (const v1::IdentifierUse& i : entity.identifiers())
    if (i.identifier().type() == name) {
      v1::Value value;
      value.set_text(i.identifier().value());
      return value;
    }
  return std::nullopt;
}

}  // namespace

std::string enriched_event_json(v1::EntityState& entity, std::string_view id_hex, std::string_view device_hex,
                                const v1::Envelope& record, const v1::Event& event, const Tenant& tenant) {
  std::string out;
  out.reserve(event.properties().size() + 400);
  JsonWriter json(out);
  json.begin_object().member("message_id", record.message_id()).member("tenant", record.tenant());
  if (!id_hex.empty()) json.member("user", id_hex);
  if (!device_hex.empty()) json.member("device", device_hex);
  json.member("event", event.name());
  json.key("properties").raw(event.properties().empty() ? "{}" : event.properties());
  json.member("timestamp", model::format_time(event.time_us()));
  json.member("received_at", model::format_time(record.received_at_us()));
  json.member("source", record.source());
  if (!record.trace_parent().empty()) json.member("traceparent", record.trace_parent());
  json.key("enriched").begin_object();
  for (const std::string& name : tenant.rules.enrich()) {
    const std::optional<v1::Value> value = enriching_value(entity, name);
    if (value) model::write_value(json.key(name), *value);
  }
  json.end_object().end_object();
  return out;
}

std::string enriched_event_protobuf(v1::EntityState& entity, std::string_view id_hex, std::string_view device_hex,
                                    const v1::Envelope& record, const v1::Event& event, const Tenant& tenant) {
  v1::EnrichedEvent out;
  out.set_message_id(record.message_id());
  out.set_tenant(record.tenant());
  out.set_user(std::string(id_hex));
  out.set_device(std::string(device_hex));
  out.set_event(event.name());
  out.set_properties(event.properties());
  out.set_time_us(event.time_us());
  out.set_received_at_us(record.received_at_us());
  out.set_source(record.source());
  if (!record.trace_parent().empty()) out.set_trace_parent(record.trace_parent());
  for (const std::string& name : tenant.rules.enrich())
    if (std::optional<v1::Value> value = enriching_value(entity, name)) {
      v1::Register& r = *out.add_enriched();
      r.set_name(name);
      *r.mutable_value() = std::move(*value);
    }
  return out.SerializeAsString();
}

}  // namespace freshet::action
