// Lists of entity references, sorted by id, each once: what is attached, what was merged, what devices are known as.
// They are part of rows and of documents, so they must be the same whatever the order in which their elements came.
#pragma once

#include <utility>

#include "action/events/sorted.h"
#include "base/hash.h"
#include "model/entity_ref.h"

namespace freshet::action {

using RefKey = std::pair<uint64_t, uint64_t>;  // the two words of an id; they order references as the ids do

// The key of an EntityRef or of a KnownAs.
struct RefKeyOf {
  template <class T>
  RefKey operator()(const T& element) const {
    return {element.id_high(), element.id_low()};
  }
};

[[nodiscard]] inline RefKey key_of(const v1::EntityRef& ref) { return RefKeyOf{}(ref); }

[[nodiscard]] inline bool same(const v1::EntityRef& a, const v1::EntityRef& b) { return key_of(a) == key_of(b); }

// The position of the element with the key; -1: there is none.
template <class T>
int find_ref(const google::protobuf::RepeatedPtrField<T>& list, const RefKey& key) {
  const int at = lower_bound_of(list, key, RefKeyOf{});
  return at < list.size() && RefKeyOf{}(list[at]) == key ? at : -1;
}

enum class Added : uint8_t { kAdded, kThere, kFull };

// Adds a reference if it is not there and the list has fewer than `refs_max`.
inline Added add_ref(google::protobuf::RepeatedPtrField<v1::EntityRef>& list, const v1::EntityRef& ref,
                     uint32_t refs_max) {
  const int at = lower_bound_of(list, key_of(ref), RefKeyOf{});
  if (at < list.size() && same(list[at], ref)) return Added::kThere;
  if (static_cast<uint32_t>(list.size()) >= refs_max) return Added::kFull;
  insert_at(list, at) = ref;
  return Added::kAdded;
}

// True: it was there.
inline bool remove_ref(google::protobuf::RepeatedPtrField<v1::EntityRef>& list, const v1::EntityRef& ref) {
  const int at = find_ref(list, key_of(ref));
  if (at >= 0) list.erase(list.begin() + at);
  return at >= 0;
}

}  // namespace freshet::action
