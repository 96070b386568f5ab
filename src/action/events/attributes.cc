// Two structures lie behind one attribute: a register (`set`, `unset`) and a set of elements (`add`, `remove`). Both
// keep what was taken away, with its time: were an unset attribute forgotten, an older `set` that arrives late would
// bring it back.
#include "action/events/attributes.h"

#include <algorithm>
#include <vector>

#include "action/events/sorted.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/json.h"
#include "model/packed_state.h"

namespace freshet::action {
namespace {

struct ByValue {
  const v1::Value& value;
  friend bool operator<(const v1::Value& a, const ByValue& b) { return model::compare_values(a, b.value) < 0; }
};

const v1::Value& value_of(const v1::SetElement& element) { return element.value(); }

// Takes elements away that the register has overtaken: they are older, so they can never be seen again.
void prune_elements(v1::EntityState& entity, std::string_view name, const v1::Use& use) {
  v1::ElementSet* set = find_named(*entity.mutable_sets(), name);
  if (set == nullptr) return;
  auto& elements = *set->mutable_elements();
  const auto stays =
      std::remove_if(elements.begin(), elements.end(), [&](const v1::SetElement& e) { return !earlier(use, e.use()); });
  elements.erase(stays, elements.end());
}

// Whether an element applies on top of the register, because it was written later.
bool counts(const v1::SetElement& element, const v1::Register* base) {
  return base == nullptr || earlier(base->use(), element.use());
}

// Of two equal values: whether they have the same text, too. Those that are not simple count as not.
bool is_spelled_alike(const v1::Value& a, const v1::Value& b) {
  if (a.kind_case() != b.kind_case()) return false;
  const auto kind = a.kind_case();
  return kind == v1::Value::kText || kind == v1::Value::kInteger || kind == v1::Value::kBoolean ||
         kind == v1::Value::kTimeUs;
}

// Whether a list has a value, for many of them: looking through the list for each would be their product.
class ValueIndex {
 public:
  explicit ValueIndex(const google::protobuf::RepeatedPtrField<v1::Value>& list) {
    for (const v1::Value& value : list) sorted_.push_back(&value);
    std::sort(sorted_.begin(), sorted_.end(),
              [](const v1::Value* a, const v1::Value* b) { return model::compare_values(*a, *b) < 0; });
  }
  [[nodiscard]] bool contains(const v1::Value& value) const {
    const auto at =
        std::lower_bound(sorted_.begin(), sorted_.end(), &value,
                         [](const v1::Value* a, const v1::Value* b) { return model::compare_values(*a, *b) < 0; });
    return at != sorted_.end() && model::compare_values(**at, value) == 0;
  }

 private:
  std::vector<const v1::Value*> sorted_;
};

}  // namespace

v1::Use use_of(const v1::Envelope& record) {
  v1::Use use;
  use.set_time_us(record.time_us());
  use.set_message_id(record.message_id());
  return use;
}

bool earlier(const v1::Use& a, const v1::Use& b) { return earlier(a, b.time_us(), b.message_id()); }

// A record's own clock is compared without a Use made of it, which would be an allocation for each record.
bool earlier(const v1::Use& a, int64_t time_us, std::string_view message_id) {
  return a.time_us() != time_us ? a.time_us() < time_us : a.message_id() < message_id;
}

bool write_register(v1::EntityState& entity, std::string_view name, const v1::Value* value, const v1::Use& use) {
  model::unpack(entity);
  bool made = false;
  v1::Register& target = find_or_add_named(*entity.mutable_attributes(), name, &made);
  if (!made && earlier(use, target.use()) && !FRESHET_MUTANT(kLastArrivalWins)) return false;
  if (value != nullptr) {
    *target.mutable_value() = *value;
  } else {
    target.clear_value();
  }
  *target.mutable_use() = FRESHET_MUTANT(kNoTombstone) && value == nullptr ? v1::Use() : use;
  prune_elements(entity, name, use);
  return true;
}

Wrote write_element(v1::EntityState& entity, std::string_view name, const v1::Value& value, bool removed,
                    const v1::Use& use, uint32_t elements_max) {
  model::unpack(entity);
  const v1::Register* base = find_named(entity.attributes(), name);
  if (base != nullptr && !earlier(base->use(), use)) return Wrote::kNothing;
  bool made = false;
  auto& elements = *find_or_add_named(*entity.mutable_sets(), name, &made).mutable_elements();
  const int at = lower_bound_of(elements, ByValue{value}, value_of);
  const bool present = at < elements.size() && model::compare_values(elements.Get(at).value(), value) == 0;
  if (!present && static_cast<uint32_t>(elements.size()) >= elements_max) return Wrote::kNothing;
  if (present && earlier(use, elements.Get(at).use())) return Wrote::kNothing;
  v1::SetElement& element = present ? *elements.Mutable(at) : insert_at(elements, at);
  const bool is_respelled = present && !is_spelled_alike(element.value(), value);
  *element.mutable_value() = value;
  element.set_removed(removed);
  *element.mutable_use() = use;
  return is_respelled ? Wrote::kSpelling : Wrote::kElement;
}

bool is_plain_set(v1::EntityState& entity, std::string_view name) {
  model::unpack(entity);
  const v1::Register* base = find_named(entity.attributes(), name);
  return base == nullptr || base->value().kind_case() != v1::Value::kList;
}

bool has_element(v1::EntityState& entity, std::string_view name, const v1::Value& value) {
  FRESHET_ASSERT(is_plain_set(entity, name));
  const v1::ElementSet* set = find_named(entity.sets(), name);
  if (set == nullptr) return false;
  const int at = lower_bound_of(set->elements(), ByValue{value}, value_of);
  return at < set->elements_size() && model::compare_values(set->elements(at).value(), value) == 0 &&
         !set->elements(at).removed() && counts(set->elements(at), find_named(entity.attributes(), name));
}

// The list that was set comes first, in its own order and without what was removed since; the elements that were added
// follow, sorted by value. So the document is the same in whatever order the operations came.
std::optional<v1::Value> visible_attribute(v1::EntityState& entity, std::string_view name) {
  model::unpack(entity);
  const v1::Register* base = find_named(entity.attributes(), name);
  const v1::ElementSet* set = find_named(entity.sets(), name);
  const bool any = set != nullptr && std::any_of(set->elements().begin(), set->elements().end(),
                                                 [&](const v1::SetElement& e) { return counts(e, base); });
  if (!any) {
    if (base == nullptr || !base->has_value()) return std::nullopt;
    return base->value();
  }
  v1::Value visible;
  auto& list = *visible.mutable_list()->mutable_values();
  const auto element_of = [&](const v1::Value& value) -> const v1::SetElement* {
    const int at = lower_bound_of(set->elements(), ByValue{value}, value_of);
    const bool there = at < set->elements_size() && model::compare_values(set->elements(at).value(), value) == 0;
    return there && counts(set->elements(at), base) ? &set->elements(at) : nullptr;
  };
  if (base != nullptr && base->has_value() && base->value().kind_case() == v1::Value::kList)
    for (const v1::Value& value : base->value().list().values())
      if (const v1::SetElement* element = element_of(value); element == nullptr || !element->removed())
        *list.Add() = value;
  // The elements of a set differ from one another, so each is compared with what was set only.
  const ValueIndex of_base(list);
  for (const v1::SetElement& element : set->elements())
    if (!element.removed() && counts(element, base) && !of_base.contains(element.value()))
      *list.Add() = element.value();
  // A set that lost its last element is gone; a list that was set stays, even if it is empty by now.
  const bool list_was_set = base != nullptr && base->value().kind_case() == v1::Value::kList;
  if (list.empty() && !list_was_set) return std::nullopt;
  return visible;
}

std::vector<std::string> attribute_names(v1::EntityState& entity) {
  model::unpack(entity);
  std::vector<std::string> names;
  for (const v1::Register& r : entity.attributes()) names.push_back(r.name());
  for (const v1::ElementSet& s : entity.sets()) names.push_back(s.name());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void absorb_attributes(v1::EntityState& entity, const v1::EntityState& from, uint32_t elements_max) {
  for (const v1::Register& r : from.attributes())
    write_register(entity, r.name(), r.has_value() ? &r.value() : nullptr, r.use());
  for (const v1::ElementSet& s : from.sets())
    for (const v1::SetElement& e : s.elements())
      write_element(entity, s.name(), e.value(), e.removed(), e.use(), elements_max);
}

}  // namespace freshet::action
