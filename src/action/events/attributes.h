// Attributes of an entity: last-writer-wins registers and last-writer-wins element sets (invariant 6). Pure functions.
//
// A register holds the last `set` or `unset` by (event time, message id). Elements added or removed later than the
// register was written apply on top of it; earlier ones do not count. So any order of the same operations ends in the
// same value: a phone that was offline for a day and sends `plan: free` late does not undo the upgrade from an hour
// ago. An entity is unpacked here when that is needed (model/packed_state.h), even by those that only look.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// When a record speaks: the clock of every register that it writes.
[[nodiscard]] v1::Use use_of(const v1::Envelope& record);
// The order of that clock. Of two records of the same moment the message id decides, so that all partitions decide
// alike.
[[nodiscard]] bool earlier(const v1::Use& a, const v1::Use& b);
[[nodiscard]] bool earlier(const v1::Use& a, int64_t time_us, std::string_view message_id);

// Sets the attribute, or unsets it if `value` is null. True: the visible value may have changed.
bool write_register(v1::EntityState& entity, std::string_view name, const v1::Value* value, const v1::Use& use);
// kSpelling: the element was there, and is written in another way now (1 and 1.0 are one).
enum class Wrote : uint8_t { kNothing, kElement, kSpelling };
// Adds an element to the attribute, or removes it, and tells what of that may show. A set that has elements_max takes
// no other one.
Wrote write_element(v1::EntityState& entity, std::string_view name, const v1::Value& value, bool removed,
                    const v1::Use& use, uint32_t elements_max);

// What a reader sees; nullopt: the attribute is unset, or was never set.
[[nodiscard]] std::optional<v1::Value> visible_attribute(v1::EntityState& entity, std::string_view name);

// Whether a reader sees nothing of the attribute but its elements, sorted: then a change of an element can be said
// alone. Otherwise the place of an element depends on the list that was set.
[[nodiscard]] bool is_plain_set(v1::EntityState& entity, std::string_view name);
// Whether the set has this element, and it was not removed. REQUIRES: is_plain_set().
[[nodiscard]] bool has_element(v1::EntityState& entity, std::string_view name, const v1::Value& value);

// Names with a register or a set, in order, each once.
[[nodiscard]] std::vector<std::string> attribute_names(v1::EntityState& entity);

// Adds the attributes of `from`, as if its operations had been done on `entity`.
void absorb_attributes(v1::EntityState& entity, const v1::EntityState& from, uint32_t elements_max);

}  // namespace freshet::action
