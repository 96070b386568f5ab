// Sorted repeated fields of state messages: found by binary search, kept sorted on insertion. They stand where a map
// would, because the bytes of a Protobuf map differ from run to run, and rows and outputs must not (invariant 3).
#pragma once

#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <string_view>

#include "base/assert.h"

namespace freshet::action {

// The position of the first element that is not before `key`. key_of(element) must be comparable with key.
template <class T, class Key, class KeyOf>
int lower_bound_of(const google::protobuf::RepeatedPtrField<T>& list, const Key& key, const KeyOf& key_of) {
  int low = 0;
  for (int count = list.size(); count > 0;) {
    const int half = count / 2;
    if (key_of(list.Get(low + half)) < key) {
      low += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return low;
}

// Puts an empty element at `position` and returns it. The pointers behind it move up, the elements themselves stay.
template <class T>
T& insert_at(google::protobuf::RepeatedPtrField<T>& list, int position) {
  FRESHET_ASSERT(position >= 0 && position <= list.size());
  list.Add();
  for (int i = list.size() - 1; i > position; --i) list.SwapElements(i, i - 1);
  return *list.Mutable(position);
}

// The key of everything that has a name.
struct NameKey {
  template <class T>
  std::string_view operator()(const T& element) const {
    return element.name();
  }
};

// The element with the name; nullptr: there is none.
template <class T>
const T* find_named(const google::protobuf::RepeatedPtrField<T>& list, std::string_view name) {
  const int at = lower_bound_of(list, name, NameKey{});
  return at < list.size() && list.Get(at).name() == name ? &list.Get(at) : nullptr;
}

template <class T>
T* find_named(google::protobuf::RepeatedPtrField<T>& list, std::string_view name) {
  const int at = lower_bound_of(list, name, NameKey{});
  return at < list.size() && list.Get(at).name() == name ? list.Mutable(at) : nullptr;
}

// The element with the name; it is made if there is none, which *made tells.
template <class T>
T& find_or_add_named(google::protobuf::RepeatedPtrField<T>& list, std::string_view name, bool* made) {
  const int at = lower_bound_of(list, name, NameKey{});
  *made = at == list.size() || list.Get(at).name() != name;
  if (!*made) return *list.Mutable(at);
  T& element = insert_at(list, at);
  element.set_name(std::string(name));
  return element;
}

}  // namespace freshet::action
